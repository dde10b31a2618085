"""The table of all routes with who may call each, and the application that runs what was judged by it."""

import re
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field

from fastapi.params import Depends
from fastapi.routing import APIRoute, APIRouter
from starlette._utils import get_route_path
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from shared.access import SCOPE_KEY, Decision
from shared.access_rules import Rule, rules_of
from shared.discovery import ModuleError, Modules
from shared.routing import PathIndex, sample_path

HOW_TO_MARK = "Add Public(...), Authenticated() or Requires(...) to the dependencies of the route or of its router."


@dataclass(frozen=True, slots=True)
class RouteMatch:
    """The route that will answer a request. With `rule` None nothing matches; with `allowed` the method is wrong."""

    rule: Rule | None
    routed: Scope = field(default_factory=dict)
    allowed: frozenset[str] = frozenset()

    def is_for(self, method: str) -> bool:
        """Whether a route was found that names this very method; a mount names none."""
        return self.rule is not None and not self.allowed and method in self.rule.methods


class AccessTable:
    """Every route of the application, in matching order, with who may call it."""

    def __init__(self, routes: Iterable[BaseRoute], dependencies: Sequence[Depends] = ()) -> None:
        """`dependencies` are those of the application, for all its routes.

        Raises:
            ModuleError: A marker would weaken another, or stands where it would not be seen.
        """
        self.rules = tuple(rules_of(routes, dependencies))
        self._matchers = [(rule.context.matches, rule) for rule in self.rules]
        self._index = PathIndex(rule.context for rule in self.rules)

    def match(self, scope: Scope) -> RouteMatch:
        """Ask the routes themselves, as the router will: never a path string of our own."""
        # The `$` that ends a route's pattern matches before a final newline, too: /api/health%0a is no path of ours.
        if scope["path"].endswith("\n"):
            return RouteMatch(None)
        partial: list[Rule] = []
        is_hidden = False
        for position in self._index.candidates(get_route_path(scope)):
            matches, rule = self._matchers[position]
            match, routed = matches(scope)
            if match is Match.FULL:
                # /users/me is never the user called "me", whatever the method; OpenAPI says the same of such paths.
                if not rule.is_template or all(one.is_template for one in partial):
                    # What stands behind a template, which the router would run, is refused at the start: see `check`.
                    return RouteMatch(None) if is_hidden else RouteMatch(rule, routed)
                is_hidden = True
            if match is not Match.NONE:
                partial.append(rule)
        if not partial:
            return RouteMatch(None)
        partial = [rule for rule in partial if not rule.is_template] or partial
        is_open = next((rule for rule in partial if rule.is_public), partial[0])
        return RouteMatch(is_open, allowed=frozenset().union(*(rule.methods for rule in partial)))

    def public(self) -> list[str]:
        """The whitelist, as `GET /api/health` lines."""
        return sorted(line for rule in self.rules if rule.is_public for line in rule.lines)

    def unmarked(self) -> list[str]:
        return sorted(line for rule in self.rules if rule.marker is None for line in rule.lines)

    def check(self, modules: Modules) -> None:
        """Refuse what FastAPI would accept silently.

        Raises:
            ModuleError: Two routes answer the same method and path, one hides another, two have the same name (so the
                same operation id), or one requires a permission that no module declares.
        """
        declared = {permission.name for permission in modules.permissions}
        paths: dict[str, str] = {}
        names: dict[str, str] = {}
        for rule in self.rules:
            where = rule.file
            for line in rule.lines:
                # /users/{id} and /users/{user_id} are the same path.
                if other := paths.get(shape := re.sub(r"{[^}:]+", "{", line)):
                    raise ModuleError(f"{where}: {line} is a route already, in {other}")
                paths[shape] = where
            if getattr(rule.context, "include_in_schema", False) and (name := rule.context.name):
                if other := names.get(name):
                    raise ModuleError(f"{where}: another route is named {name!r}, in {other}; names are operation ids")
                names[name] = where
            self._refuse_hidden(rule)
            if undeclared := sorted(rule.permissions - declared):
                raise ModuleError(
                    f"{where}: {', '.join(rule.lines)} requires {', '.join(map(repr, undeclared))}, and no module "
                    "declares this permission in its module.py"
                )

    def _refuse_hidden(self, rule: Rule) -> None:
        """Refuse `/users/me` behind `/users/{user_id}`, which would answer in its place."""
        if (path := sample_path(rule.context)) is None:
            return
        for line in rule.lines:
            method = line.partition(" ")[0]
            scope: Scope = {"type": "websocket" if method == "WEBSOCKET" else "http", "method": method, "path": path}
            scope.update(headers=[], query_string=b"", root_path="")
            for position in self._index.candidates(path):
                matches, other = self._matchers[position]
                if other is rule:
                    break
                if matches(scope)[0] is Match.FULL:
                    raise ModuleError(
                        f"{rule.file}: {line} is never reached, since {method} {other.path} in {other.file} comes "
                        "first and takes it: move it in front of that"
                    )

    def refuse_unmarked(self) -> None:
        """Refuse what needs no more than a login because nobody said who may call it.

        Raises:
            ModuleError: There are such routes; it names all.
        """
        unmarked = [f"{rule.file}: {', '.join(rule.lines)}" for rule in self.rules if rule.marker is None]
        if unmarked:
            raise ModuleError("\n".join([f"routes do not say who may call them. {HOW_TO_MARK}", *unmarked]))


class JudgedRoute:
    """The innermost application: runs the very route that AuthMiddleware judged, so that nothing is matched twice.

    Whatever was not judged as it arrives here takes the way through the router, where the second layer stands.
    """

    def __init__(self, router: APIRouter) -> None:
        self._router = router
        self._whole_router = router.middleware_stack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        decision = scope.get(SCOPE_KEY)
        if not isinstance(decision, Decision) or not decision.is_about(scope):
            await self._whole_router(scope, receive, send)
            return
        scope.setdefault("router", self._router)
        rule = decision.rule
        if rule.app is None or self._router.form_limits or "fastapi.telemetry" in scope:
            # The router adds something of its own, to a trace for example: it sees nothing but where this route stands.
            narrow = copy(self._router)
            narrow.routes = [rule.part]
            await narrow.app(scope, receive, send)
            return
        scope.update(decision.routed)
        if isinstance(route := rule.context.original_route, APIRoute):
            scope["route"] = route
        await rule.app(scope, receive, send)
