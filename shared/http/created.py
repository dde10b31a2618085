"""Where a resource that was just made is found: the Location of a 201."""

from typing import Annotated

from fastapi import Depends, Request, Response


class Location:
    """Says it: `created("get_note", note_id=note.id)` names the route that reads the resource, and its parameters."""

    def __init__(self, request: Request, response: Response) -> None:
        self._request = request
        self._response = response

    def __call__(self, route: str, **parameters: object) -> None:
        path = self._request.app.url_path_for(route, **{name: str(value) for name, value in parameters.items()})
        # A path, for the host is whatever the client says; below a proxy's own path, as the client sees it.
        self._response.headers["Location"] = f"{self._request.scope.get('root_path', '')}{path}"


async def location_of(request: Request, response: Response) -> Location:
    return Location(request, response)


Created = Annotated[Location, Depends(location_of)]
"""Every route that answers 201 asks for it: `created: Created`."""
