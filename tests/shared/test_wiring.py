"""A misspelt name in a container stops the start, with its module and file."""

from functools import partial

import pytest

from bootstrap import create_app
from shared.module import ModuleError
from tests.conftest import module_settings, settings_for
from tests.shared.packages import MakeModules, declaration

SERVICE = """
class NoteService:
    def __init__(self, session, *, clock, limit=1): ...
"""
SETTINGS = """
from pydantic_settings import BaseSettings

class Settings(BaseSettings):
    page_size: int = 10
"""
CONTAINER = """
from dependency_injector import containers, providers

from {package}.notes.services import NoteService
from {package}.notes.settings import Settings

class Container(containers.DeclarativeContainer):
    shared = providers.DependenciesContainer()
    settings = providers.Dependency(instance_of=Settings)
    note_service = providers.Factory(NoteService, {wires})
"""

create = partial(create_app, settings_for("sqlite://"))


def start(make_modules: MakeModules, wires: str) -> None:
    files = {"notes/module.py": declaration(), "notes/services.py": SERVICE, "notes/settings.py": SETTINGS}
    container = CONTAINER.replace("from {package}.notes", "from ..notes").replace("{wires}", wires)
    create(module_settings=module_settings(), modules=make_modules(files | {"notes/container.py": container}))


def test_what_is_spelt_right_starts(make_modules: MakeModules) -> None:
    start(make_modules, "clock=shared.clock, limit=settings.provided.page_size")


@pytest.mark.parametrize(
    ("wires", "fault"),
    [
        ("clock=shared.clok", "shared.clok (did you mean clock?)"),
        ("clock=shared.clok.provider", "shared.clok (did you mean clock?)"),
        ("clok=shared.clock", "note_service: NoteService got an unexpected keyword argument 'clok'"),
        (
            "clock=shared.clock, limit=settings.provided.pagesize",
            "settings.provided.pagesize (did you mean page_size?)",
        ),
        (
            "clock=shared.clock, limit=shared.settings.provided.app_nam",
            "settings.provided.app_nam (did you mean app_name?)",
        ),
    ],
)
def test_what_nothing_provides_stops_the_start(make_modules: MakeModules, wires: str, fault: str) -> None:
    with pytest.raises(ModuleError, match=r"module 'notes': .*container\.py asks for what is not there") as refused:
        start(make_modules, wires)

    assert fault in str(refused.value)


def test_all_faults_are_named_at_once(make_modules: MakeModules) -> None:
    with pytest.raises(ModuleError, match=r"settings\.provided\.sise; shared\.clok"):
        start(make_modules, "clock=shared.clok, limit=settings.provided.sise")
