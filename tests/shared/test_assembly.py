"""What `create_app` refuses about modules that FastAPI and the containers would accept silently."""

import pytest

from bootstrap import create_app
from shared.module import ModuleError
from tests.conftest import settings_for
from tests.shared.packages import MakeModules, declaration

ROUTER = (
    "from fastapi import APIRouter\nfrom shared.access import Authenticated, Public, Requires\n\nrouter = APIRouter()\n"
)


def route(name: str, path: str, marker: str = "Authenticated()", method: str = "get") -> str:
    return f"\n\n@router.{method}({path!r}, dependencies=[{marker}])\nasync def {name}() -> None: ...\n"


def refusal(make_modules: MakeModules, files: dict[str, str]) -> str:
    with pytest.raises(ModuleError) as caught:
        create_app(settings_for("sqlite://"), modules=make_modules(files))
    return str(caught.value)


def test_modules_in_good_order_make_an_application(make_modules: MakeModules) -> None:
    permissions = "permissions=(Permission('alpha:note.read', ''),)"
    router = (
        ROUTER + route("get_note", "/{id}", "Requires('alpha:note.read')") + route("add_note", "/{id}", method="post")
    )
    modules = make_modules({"alpha/module.py": declaration(permissions), "alpha/router.py": router})

    app = create_app(settings_for("sqlite://"), modules=modules)

    assert {"/api/alpha/{id}"} <= {rule.path for rule in app.state.access.routes}


def test_an_application_can_have_no_module_at_all(make_modules: MakeModules) -> None:
    app = create_app(settings_for("sqlite://"), modules=make_modules({"__init__.py": ""}))

    assert app.state.access.unmarked() == []
    paths = [rule.path for rule in app.state.access.routes if not rule.path.startswith("/docs/")]
    assert sorted(paths) == ["/docs", "/openapi.json", "/redoc"]


def test_a_router_file_without_a_router_is_refused(make_modules: MakeModules) -> None:
    misspelt = ROUTER.replace("router =", "rooter =")

    message = refusal(make_modules, {"alpha/module.py": declaration(), "alpha/router.py": misspelt})

    assert "module 'alpha'" in message
    assert "alpha/router.py must define 'router'" in message


@pytest.mark.parametrize("second", ["/notes/{note_id}", "/notes/{id}"])
def test_two_routes_for_one_method_and_path_are_refused(make_modules: MakeModules, second: str) -> None:
    message = refusal(
        make_modules,
        {
            "alpha/module.py": declaration("prefix=''"),
            "alpha/router.py": ROUTER + route("get_note", "/notes/{id}"),
            "bravo/module.py": declaration("prefix=''"),
            "bravo/router.py": ROUTER + route("get_other", second),
        },
    )

    assert f"GET /api{second} is a route already" in message
    assert message.index("bravo/router.py") < message.index("alpha/router.py")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("/{id}", "/me"),
        ("/{id}", "/{number:int}"),
        ("/{id}", "/{id:uuid}"),
        ("/{number:float}", "/{number:int}"),
        ("/{rest:path}", "/{id}/parts"),
        ("/{rest:path}", "/{id}"),
        ("/{id}", "/{name}.json"),
        ("/{id}/{part}", "/{id}/parts"),
    ],
)
def test_a_route_that_another_hides_is_refused(make_modules: MakeModules, first: str, second: str) -> None:
    message = refusal(
        make_modules,
        {
            "alpha/module.py": declaration("prefix='/notes'"),
            "alpha/router.py": ROUTER + route("get_note", first),
            "bravo/module.py": declaration("prefix='/notes'"),
            "bravo/router.py": ROUTER + route("get_other", second),
        },
    )

    assert f"GET /api/notes{second} is never reached, since GET /api/notes{first} in" in message
    assert message.index("bravo/router.py") < message.index("alpha/router.py")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("/me", "/{id}"),
        ("/{number:int}", "/{id}"),
        ("/{number:int}", "/{number:float}"),
        ("/{id:uuid}", "/me"),
        ("/{id}", "/{rest:path}"),
        ("/{id}/parts", "/{id}/{part}"),
        ("/{id}/parts", "/me/{part}"),
    ],
)
def test_a_route_that_is_reached_is_accepted(make_modules: MakeModules, first: str, second: str) -> None:
    routes = route("get_note", first) + route("get_other", second)
    files = {"alpha/module.py": declaration(), "alpha/router.py": ROUTER + routes}

    create_app(settings_for("sqlite://"), modules=make_modules(files))


def test_another_method_hides_nothing(make_modules: MakeModules) -> None:
    hiding = route("get_note", "/{id}") + route("change_me", "/me", method="patch")
    files = {"alpha/module.py": declaration(), "alpha/router.py": ROUTER + hiding}

    create_app(settings_for("sqlite://"), modules=make_modules(files))


def test_two_routes_of_one_name_are_refused(make_modules: MakeModules) -> None:
    message = refusal(
        make_modules,
        {
            "alpha/module.py": declaration(),
            "alpha/router.py": ROUTER + route("get_note", ""),
            "bravo/module.py": declaration(),
            "bravo/router.py": ROUTER + route("get_note", ""),
        },
    )

    assert "another route is named 'get_note'" in message
    assert "alpha/router.py" in message
    assert "bravo/router.py" in message


def test_a_permission_that_nobody_declares_is_refused(make_modules: MakeModules) -> None:
    router = ROUTER + route("get_note", "/{id}", "Requires('alpha:note.raed')")
    message = refusal(make_modules, {"alpha/module.py": declaration(), "alpha/router.py": router})

    assert "GET /api/alpha/{id} requires 'alpha:note.raed', and no module declares" in message
    assert "alpha/router.py" in message


PERMISSIONS = "permissions=(Permission('alpha:note.read', ''), Permission('alpha:note.write', ''))"


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        ("Requires('alpha:note.read')", "Public('a test')"),
        ("Requires('alpha:note.read')", "Authenticated()"),
    ],
)
def test_item_49_a_marker_that_would_weaken_one_around_it_is_refused(
    make_modules: MakeModules, outer: str, inner: str
) -> None:
    router = ROUTER.replace("APIRouter()", f"APIRouter(dependencies=[{outer}])") + route("get_note", "/{id}", inner)

    message = refusal(make_modules, {"alpha/module.py": declaration(PERMISSIONS), "alpha/router.py": router})

    assert (
        f"alpha/router.py: GET /api/alpha/{{id}} is marked {inner}, and {outer} stands before or around it" in message
    )
    assert "take one of the two away, or move the route" in message


@pytest.mark.parametrize("written", ["Depends(Requires('alpha:note.read'))", "Requires('alpha:note.read')"])
def test_item_49_a_marker_that_nobody_would_ask_is_refused(make_modules: MakeModules, written: str) -> None:
    router = ROUTER + (
        "from typing import Annotated\nfrom fastapi import Depends\n\n\n"
        f"def further(_: Annotated[None, {written}]) -> None: ...\n"
    )
    router += route("get_note", "/{id}", "Authenticated(), Depends(further)")

    message = refusal(make_modules, {"alpha/module.py": declaration(PERMISSIONS), "alpha/router.py": router})

    assert "alpha/router.py: GET /api/alpha/{id} has a marker in a parameter" in message
    assert "put it into `dependencies=[...]`" in message


def test_a_marker_used_as_a_decorator_is_refused(make_modules: MakeModules) -> None:
    router = ROUTER + "@router.get('/{id}')\n@Requires('alpha:note.read')\nasync def get_note() -> None: ...\n"

    message = refusal(make_modules, {"alpha/module.py": declaration(PERMISSIONS), "alpha/router.py": router})

    assert "alpha/router.py cannot be imported: TypeError: write dependencies=[Requires('alpha:note.read')]" in message


def test_item_49_every_permission_that_a_route_requires_is_declared(make_modules: MakeModules) -> None:
    router = ROUTER.replace("APIRouter()", "APIRouter(dependencies=[Requires('alpha:nobody.knows')])")
    router += route("get_note", "/{id}", "Requires('alpha:note.read')")

    message = refusal(make_modules, {"alpha/module.py": declaration(PERMISSIONS), "alpha/router.py": router})

    assert "GET /api/alpha/{id} requires 'alpha:nobody.knows', and no module declares" in message


UNMARKED = (
    "\n\n@router.get('/{id}')\nasync def get_note() -> None: ...\n"
    "\n\n@router.websocket('/socket')\nasync def open_socket() -> None: ...\n"
    "\n\nfrom fastapi import FastAPI\nrouter.mount('/files', FastAPI())\n"
)


def test_item_49_what_does_not_say_who_may_call_it_does_not_start_in_production(make_modules: MakeModules) -> None:
    modules = make_modules({"alpha/module.py": declaration(), "alpha/router.py": ROUTER + UNMARKED})

    in_tests = create_app(settings_for("sqlite://"), modules=modules)
    with pytest.raises(ModuleError) as caught:
        create_app(settings_for("sqlite://", app_env="production", allow_sqlite_in_production=True), modules=modules)

    assert len(in_tests.state.access.unmarked()) == 3
    for line in ("alpha/router.py: GET /api/alpha/{id}", "alpha/router.py: WEBSOCKET /api/alpha/socket"):
        assert line in str(caught.value)
    assert "MOUNT /api/alpha/files" in str(caught.value)
    assert "Add Public(...), Authenticated() or Requires(...)" in str(caught.value)


CONTAINER = (
    "from dependency_injector import containers, providers\n\n\nclass Container(containers.DeclarativeContainer):\n"
    "    shared = providers.DependenciesContainer()\n"
)


def test_a_container_that_asks_for_a_module_not_required_is_refused(make_modules: MakeModules) -> None:
    message = refusal(
        make_modules,
        {
            "alpha/module.py": declaration(),
            "alpha/container.py": CONTAINER,
            "bravo/module.py": declaration(),
            "bravo/container.py": CONTAINER + "    alpha = providers.DependenciesContainer()\n",
        },
    )

    assert "module 'bravo'" in message
    assert "bravo/container.py asks for alpha" in message
    assert "bravo/module.py requires" in message


def test_a_container_gets_what_its_module_requires_and_nothing_else(make_modules: MakeModules) -> None:
    modules = make_modules(
        {
            "alpha/module.py": declaration(),
            "alpha/container.py": CONTAINER + "    answer = providers.Object(42)\n",
            "bravo/module.py": declaration("requires=('alpha',)"),
            "bravo/container.py": CONTAINER
            + "    alpha = providers.DependenciesContainer()\n"
            + "    sum = providers.Callable(sum, providers.List(alpha.answer))\n",
        }
    )

    app = create_app(settings_for("sqlite://"), modules=modules)

    assert app.state.runtime.of(modules["bravo"].attribute("container", "Container")).sum() == 42


def test_two_modules_that_authenticate_are_refused(make_modules: MakeModules) -> None:
    container = CONTAINER + "    authenticator = providers.Object(object())\n"
    message = refusal(
        make_modules,
        {
            "alpha/module.py": declaration(),
            "alpha/container.py": container,
            "bravo/module.py": declaration(),
            "bravo/container.py": container,
        },
    )

    assert "bravo.container provides an authenticator, and another module does already" in message


@pytest.mark.parametrize("file", ["router", "container", "settings", "events", "handlers"])
def test_an_import_error_in_any_part_stops_the_application(make_modules: MakeModules, file: str) -> None:
    message = refusal(
        make_modules, {"alpha/module.py": declaration(), f"alpha/{file}.py": "import nowhere_to_be_found\n"}
    )

    assert "module 'alpha'" in message
    assert f"alpha/{file}.py cannot be imported: ModuleNotFoundError" in message
