"""The table of all routes, and who may call each."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from fastapi.params import Depends
from starlette._utils import get_route_path
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from shared.access.entries import RouteEntry, entries_of
from shared.access.path_index import PathIndex, sample_path
from shared.module import ModuleError

HOW_TO_MARK = "Add Public(...), Authenticated() or Requires(...) to the dependencies of the route or of its router."


@dataclass(frozen=True, slots=True)
class RouteMatch:
    """The route that will answer a request. With `entry` None nothing matches; with `allowed` the method is wrong."""

    entry: RouteEntry | None
    routed: Scope = field(default_factory=dict)
    allowed: frozenset[str] = frozenset()

    def is_for(self, method: str) -> bool:
        """True if the route lists this method; a mount lists none."""
        return self.entry is not None and not self.allowed and method in self.entry.methods


class AccessTable:
    """Every route of the application, in matching order, with who may call it."""

    def __init__(self, routes: Iterable[BaseRoute], dependencies: Sequence[Depends] = ()) -> None:
        """`dependencies` are those of the application, for all its routes.

        Raises:
            ModuleError: A marker would weaken another, or stands where it has no effect.
        """
        self.routes = tuple(entries_of(routes, dependencies))
        self._matchers = [(entry.context.matches, entry) for entry in self.routes]
        self._index = PathIndex(entry.context for entry in self.routes)

    def match(self, scope: Scope) -> RouteMatch:
        """Find the route that will answer, by the routes' own matching, as the router does."""
        # The `$` that ends a route's pattern matches before a final newline, too: /api/health%0a must match nothing.
        if scope["path"].endswith("\n"):
            return RouteMatch(None)
        partial: list[RouteEntry] = []
        is_hidden = False
        for position in self._index.candidates(get_route_path(scope)):
            matches, entry = self._matchers[position]
            match, routed = matches(scope)
            if match is Match.FULL:
                # /users/me is never the user called "me", for any method, as OpenAPI defines such paths.
                if not entry.is_template or all(one.is_template for one in partial):
                    # The router would run the earlier template. `check` refuses such routes at the start.
                    return RouteMatch(None) if is_hidden else RouteMatch(entry, routed)
                is_hidden = True
            if match is not Match.NONE:
                partial.append(entry)
        if not partial:
            return RouteMatch(None)
        partial = [entry for entry in partial if not entry.is_template] or partial
        is_open = next((entry for entry in partial if entry.is_public), partial[0])
        return RouteMatch(is_open, allowed=frozenset().union(*(entry.methods for entry in partial)))

    def public(self) -> list[str]:
        """The whitelist, as `GET /api/health` lines."""
        return sorted(line for entry in self.routes if entry.is_public for line in entry.lines)

    def unmarked(self) -> list[str]:
        return sorted(line for entry in self.routes if entry.marker is None for line in entry.lines)

    def check(self, permissions: Iterable[str]) -> None:
        """Refuse mistakes that FastAPI accepts silently. `permissions` are those that the modules declare.

        Raises:
            ModuleError: Two routes answer the same method and path, one hides another, two have the same name (so the
                same operation id), or one requires a permission that no module declares.
        """
        declared = set(permissions)
        paths: dict[str, str] = {}
        names: dict[str, str] = {}
        for entry in self.routes:
            where = entry.file
            for line in entry.lines:
                # /users/{id} and /users/{user_id} are the same path.
                if other := paths.get(shape := re.sub(r"{[^}:]+", "{", line)):
                    raise ModuleError(f"{where}: {line} is a route already, in {other}")
                paths[shape] = where
            if getattr(entry.context, "include_in_schema", False) and (name := entry.context.name):
                if other := names.get(name):
                    raise ModuleError(f"{where}: another route is named {name!r}, in {other}; names are operation ids")
                names[name] = where
            self._refuse_hidden(entry)
            if undeclared := sorted(entry.permissions - declared):
                raise ModuleError(
                    f"{where}: {', '.join(entry.lines)} requires {', '.join(map(repr, undeclared))}, and no module "
                    "declares this permission in its module.py"
                )

    def _refuse_hidden(self, entry: RouteEntry) -> None:
        """Refuse `/users/me` behind `/users/{user_id}`, which would answer in its place."""
        if (path := sample_path(entry.context)) is None:
            return
        for line in entry.lines:
            method = line.partition(" ")[0]
            scope: Scope = {"type": "websocket" if method == "WEBSOCKET" else "http", "method": method, "path": path}
            scope.update(headers=[], query_string=b"", root_path="")
            for position in self._index.candidates(path):
                matches, other = self._matchers[position]
                if other is entry:
                    break
                if matches(scope)[0] is Match.FULL:
                    raise ModuleError(
                        f"{entry.file}: {line} is never reached, since {method} {other.path} in {other.file} comes "
                        "first and takes it: move it in front of that"
                    )

    def refuse_unmarked(self) -> None:
        """Refuse unmarked routes, which would need no more than a login.

        Raises:
            ModuleError: There are such routes; it names them all.
        """
        unmarked = [f"{entry.file}: {', '.join(entry.lines)}" for entry in self.routes if entry.marker is None]
        if unmarked:
            raise ModuleError("\n".join([f"routes do not say who may call them. {HOW_TO_MARK}", *unmarked]))
