"""The API document in a browser, outside production: /docs to try, /redoc to read. It loads nothing from elsewhere.

Scripts and styles are those of the package fastapi-offline; nothing else of it is used. Links between the files are
relative, so that they also work behind a proxy that adds a path of its own.
"""

import importlib.util
from collections.abc import Awaitable, Callable
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response

from shared.access.table import AccessTable
from shared.application import part_of
from shared.assembly.openapi.document import SECURITY_SCHEME

FOLDER = Path(__file__).parent
OWN = ("docs.js", "icon.svg", "redoc.js")
PACKAGE = "fastapi_offline"
PACKAGED = ("redoc.standalone.js", "swagger-ui-bundle.js", "swagger-ui.css")
# The only thing that these files would load from elsewhere.
FOREIGN_PICTURE, OWN_PICTURE = "https://cdn.redoc.ly/redoc/logo-mini.svg", "docs/icon.svg"

# Only scripts of our own. Both programs insert styles at run time, and Redoc searches in a worker that it creates.
# `data:` is for the small pictures in their style sheets.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
NOT_INSTALLED = """\
The pages that show this API in a browser are not installed.

They belong to what developers need:  uv sync
Without uv:                           pip install fastapi-offline

Then start the service again. The document itself is at /openapi.json.
"""

LOGIN_FORM = "log_in_by_form"
"""The name of the route that takes an e-mail address and a password as OAuth 2.0's form; Authorize in /docs uses it."""

Endpoint = Callable[[Request], Awaitable[Response] | Response]


def add_documentation(app: FastAPI) -> None:
    """Add /docs, /redoc and the files they load. The document is made at the first request."""
    files = _files()

    async def get_document(request: Request) -> JSONResponse:
        return JSONResponse(_with_login_form(app.openapi(), app, request.scope.get("root_path", "")))

    routes: dict[str, Endpoint] = {
        "/docs": _page(app.title, files, styles="swagger-ui.css", scripts=("swagger-ui-bundle.js", "docs.js")),
        "/redoc": _page(app.title, files, styles="", scripts=("redoc.standalone.js", "redoc.js")),
        "/docs/openapi.json": get_document,
        **{f"/docs/{name}": _file(path) for name, path in files.items()},
    }
    for path, endpoint in routes.items():
        app.add_route(path, endpoint, include_in_schema=False)


def _files() -> dict[str, Path]:
    """The files that the pages load, by name; empty when the package is not installed."""
    package = importlib.util.find_spec(PACKAGE)
    if package is None or package.origin is None:
        return {}
    static = Path(package.origin).parent / "static"
    return {name: FOLDER / name for name in OWN} | {name: static / name for name in PACKAGED}


def _page(title: str, files: dict[str, Path], *, styles: str, scripts: tuple[str, ...]) -> Endpoint:
    template = Template((FOLDER / "page.html").read_text(encoding="utf-8"))
    sheet = f'<link rel="stylesheet" href="docs/{styles}">' if styles else ""
    tags = "\n".join(f'<script src="docs/{name}"></script>' for name in scripts)
    html = template.substitute(title=escape(title), styles=sheet, scripts=tags)

    async def get_page(_request: Request) -> Response:
        if not files:
            return PlainTextResponse(NOT_INSTALLED)
        return HTMLResponse(html, headers={"Content-Security-Policy": CONTENT_POLICY})

    return get_page


def _file(path: Path) -> Endpoint:
    def get_file(_request: Request) -> Response:  # in a thread: it reads a file
        if path.name != "redoc.standalone.js":
            return FileResponse(path)
        script = path.read_text(encoding="utf-8").replace(FOREIGN_PICTURE, OWN_PICTURE)
        return Response(script, media_type="text/javascript")

    return get_file


def _with_login_form(document: dict[str, Any], app: FastAPI, root_path: str) -> dict[str, Any]:
    """The document, with a second way to authorize beside the token: e-mail address and password."""
    paths = [rule.path for rule in part_of(app, AccessTable).routes if rule.context.name == LOGIN_FORM]
    if root_path:
        document = document | {"servers": [{"url": root_path}, *document.get("servers", [])]}
    if not paths:
        return document
    schemes = document["components"]["securitySchemes"]
    form = {
        "type": "oauth2",
        "description": "`username` is your e-mail address. Leave the client's fields empty.",
        "flows": {"password": {"tokenUrl": f"{root_path}{paths[0]}", "scopes": {}}},
    }
    return document | {
        "components": document["components"] | {"securitySchemes": {"password": form} | schemes},
        "paths": {
            path: {method: _either(operation) for method, operation in operations.items()}
            for path, operations in document["paths"].items()
        },
    }


def _either(operation: Any) -> Any:
    if not isinstance(operation, dict) or {SECURITY_SCHEME: []} not in operation.get("security", []):
        return operation
    return operation | {"security": [*operation["security"], {"password": []}]}
