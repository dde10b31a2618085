"""How a module's handlers are found, and what they may listen to: also what is switched off, or not there at all."""

import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from bootstrap import create_app
from shared.assembly.discovery import Modules, discover
from shared.container import Runtime
from shared.events import EventBus, EventHandlers
from shared.module import ModuleError
from tests.conftest import settings_for
from tests.project import Project
from tests.security.test_authorization import logged
from tests.shared.packages import MakeModules, declaration
from tests.trees import write

EVENTS = """
from dataclasses import dataclass

@dataclass(frozen=True, slots=True)
class InvoicePaid:
    number: int

@dataclass(frozen=True, slots=True)
class InvoiceForgotten:
    number: int
"""
FACE = "from .events import InvoicePaid\n\n__all__ = ['InvoicePaid']\n"
BILLING = {"billing/module.py": declaration(), "billing/__init__.py": FACE, "billing/events.py": EVENTS}
HANDLERS = """
from shared.events import EventHandlers

handlers = EventHandlers()
heard = []

@handlers.on({event})
async def note(event, session, container):
    heard.append(event.number)
"""


def listening_to(event: str, file: str = "handlers", imports: str = "") -> dict[str, str]:
    return {
        "audit/module.py": declaration("requires=('billing',)" if imports else ""),
        f"audit/{file}.py": imports + HANDLERS.format(event=event),
    }


def start(modules: Modules, *, disabled: tuple[str, ...] = ()) -> FastAPI:
    return create_app(settings_for("sqlite://", disabled_modules=disabled), modules=modules)


async def publish(app: FastAPI, event: object) -> None:
    runtime: Runtime = app.state.runtime
    await runtime.shared.events().publish(event, AsyncSession())


def heard_by(modules: Modules, file: str = "handlers") -> list[int]:
    found: list[int] = modules["audit"].attribute(file, "heard")
    return found


@pytest.mark.parametrize("file", ["handlers", "events"])
async def test_handlers_are_found_in_their_own_file_and_beside_the_events(make_modules: MakeModules, file: str) -> None:
    modules = make_modules(BILLING | listening_to("InvoicePaid", file, "from ..billing import InvoicePaid\n"))
    app = start(modules)

    await publish(app, modules["billing"].attribute("events", "InvoicePaid")(7))

    assert heard_by(modules, file) == [7]


async def test_an_event_that_is_named_is_heard_without_requiring_its_module(make_modules: MakeModules) -> None:
    modules = make_modules(BILLING | listening_to("'billing:InvoicePaid'"))
    app = start(modules)

    await publish(app, modules["billing"].attribute("events", "InvoicePaid")(7))
    await publish(app, modules["billing"].attribute("events", "InvoiceForgotten")(8))

    assert heard_by(modules) == [7]


async def test_a_listener_starts_while_the_module_that_it_names_is_switched_off(make_modules: MakeModules) -> None:
    modules = make_modules(BILLING | listening_to("'billing:InvoicePaid'"))

    app = start(modules, disabled=("billing",))
    await publish(app, modules["billing"].attribute("events", "InvoicePaid")(7))

    assert heard_by(modules) == []


def test_a_listener_starts_without_the_module_that_it_names(
    make_modules: MakeModules, capsys: pytest.CaptureFixture[str]
) -> None:
    start(make_modules(listening_to("'billing:InvoicePaid'")))

    (line,) = [line for line in logged(capsys.readouterr().err) if line["event"] == "listener_without_publisher"]
    assert (line["module"], line["listens_to"]) == ("audit", "billing:InvoicePaid")


@pytest.mark.parametrize(
    ("event", "fault"),
    [
        ("billing:InvoicePayed", r"lists no such event in __all__ \(did you mean InvoicePaid\?\)"),
        ("billing:InvoiceForgotten", "lists no such event in __all__"),
    ],
)
def test_a_named_event_that_its_module_does_not_show_stops_the_start(
    make_modules: MakeModules, event: str, fault: str
) -> None:
    modules = make_modules(BILLING | listening_to(repr(event)))

    with pytest.raises(ModuleError, match=rf"module 'audit': a handler listens to '{event}', and .*{fault}"):
        start(modules)


def test_a_text_that_names_no_event_is_refused_where_it_stands(make_modules: MakeModules) -> None:
    modules = make_modules(listening_to("'InvoicePaid'"))

    with pytest.raises(ModuleError, match=r"audit/handlers\.py cannot be imported: ValueError: 'InvoicePaid' names no"):
        start(modules)


def test_a_file_for_handlers_without_any_is_refused(make_modules: MakeModules) -> None:
    modules = make_modules({"audit/module.py": declaration(), "audit/handlers.py": "handler = 1\n"})

    with pytest.raises(ModuleError, match=r"audit/handlers\.py must define 'handlers'"):
        start(modules)


async def test_a_handler_whose_event_nobody_has_never_runs() -> None:
    bus, handlers, heard = EventBus(), EventHandlers(), list[object]()

    @handlers.on("billing:InvoicePaid")
    async def note(event: object, session: AsyncSession, container: object) -> None:
        heard.append(event)

    bus.subscribe(handlers, None)
    await bus.publish("billing:InvoicePaid", AsyncSession())

    assert heard == []


BOTH = {
    "module.py": declaration("requires=('users',)"),
    "__init__.py": "from modules.orders.events import OrderPlaced\n\n__all__ = ['OrderPlaced']\n",
    "events.py": "from dataclasses import dataclass\n\n\n@dataclass\nclass OrderPlaced:\n    number: int\n",
    "services.py": "from modules.orders.events import OrderPlaced\n\n\nclass OrderService:\n    event = OrderPlaced\n",
    "container.py": (
        "from dependency_injector import containers, providers\n\n"
        "from modules.orders.services import OrderService\n\n\n"
        "class Container(containers.DeclarativeContainer):\n    order_service = providers.Factory(OrderService)\n"
    ),
    "handlers.py": (
        "from modules.orders.container import Container\nfrom modules.users import UserCreated\n"
        "from shared.events import EventHandlers\n\nhandlers = EventHandlers()\n\n\n"
        "@handlers.on(UserCreated)\nasync def place(event, session, container: Container): ...\n"
    ),
}
CLI = "import typer\n\nfrom modules.orders import OrderPlaced\n\ncli = typer.Typer()\nevent = OrderPlaced\n"


def test_a_module_publishes_and_listens_without_a_circle_of_imports(sqlite_project: Project) -> None:
    write(sqlite_project.path / "modules" / "orders", BOTH)
    billing = {"module.py": declaration("requires=('orders',)"), "cli.py": CLI}
    write(sqlite_project.path / "modules" / "billing", billing)

    assert "billing" in sqlite_project.run("manage", "--help").stdout


def test_an_import_error_names_the_file_in_which_it_arose(sqlite_project: Project) -> None:
    # Handlers beside the events need the container, whose services publish those events.
    circle = BOTH | {"events.py": BOTH["handlers.py"] + BOTH["events.py"]}
    del circle["handlers.py"]
    write(sqlite_project.path / "modules" / "orders", circle)
    billing = {"module.py": declaration("requires=('orders',)"), "cli.py": CLI}
    write(sqlite_project.path / "modules" / "billing", billing)

    found = sqlite_project.run("manage", "billing", check=False)

    assert found.returncode != 0
    (line,) = found.stderr.strip().splitlines()
    assert line.startswith("module 'orders': ")
    assert "modules/orders/services.py cannot be imported: ImportError: cannot import name 'OrderPlaced'" in line
    assert "it was needed by " in line
    assert "modules/billing/cli.py of module 'billing'" in line


def test_the_modules_of_the_project_have_their_handlers_in_their_own_file() -> None:
    assert discover()["auth"].attribute("handlers", "handlers").by_event
