"""The Location of a 201: the path of the new resource."""

from typing import Annotated

from fastapi import Depends, Request, Response


class Location:
    """Sets it: `created("get_note", note_id=note.id)` names the route that reads the resource, and its parameters."""

    def __init__(self, request: Request, response: Response) -> None:
        self._request = request
        self._response = response

    def __call__(self, route: str, **parameters: object) -> None:
        path = self._request.app.url_path_for(route, **{name: str(value) for name, value in parameters.items()})
        # Only a path, since the client chooses the Host header; with the proxy's prefix, as the client sees it.
        self._response.headers["Location"] = f"{self._request.scope.get('root_path', '')}{path}"


async def location_of(request: Request, response: Response) -> Location:
    return Location(request, response)


Created = Annotated[Location, Depends(location_of)]
"""A parameter of every route that answers 201: `created: Created`."""
