"""Each `.env.example` says all that can be set and nothing else, with the true defaults and without a secret.

The project's has the settings of the modules, too, that bring none of their own.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic_settings import BaseSettings

from shared.assembly.discovery import discover
from shared.project import ROOT
from shared.settings import Settings
from shared.testing.applications import SECRET
from tests.project import Project

ASSIGNMENT = re.compile(r"(?P<comment># )?(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>.*)")


@dataclass(frozen=True)
class Example:
    """The text of one file, and the classes of the settings in it."""

    file: Path
    classes: tuple[Any, ...]

    def fields(self) -> dict[str, tuple[type[BaseSettings], str]]:
        """Every variable, with the class and the field that it sets."""
        found: dict[str, tuple[type[BaseSettings], str]] = {}
        for settings in self.classes:
            prefix = settings.model_config.get("env_prefix") or ""
            for name, field in settings.model_fields.items():
                found[str(field.validation_alias or f"{prefix}{name}").upper()] = (settings, name)
        return found

    def paragraphs(self) -> list[list[str]]:
        text = self.file.read_text(encoding="utf-8")
        return [paragraph.splitlines() for paragraph in re.split(r"\n\n+", text.strip())]

    def assignments(self) -> list[tuple[str, str, bool]]:
        """Name, value, and whether it is commented out."""
        matches = [ASSIGNMENT.fullmatch(line) for paragraph in self.paragraphs() for line in paragraph]
        return [(match["name"], match["value"], match["comment"] is not None) for match in matches if match]

    def empty(self) -> list[str]:
        """What has to be filled in."""
        return [name for name, _, is_commented in self.assignments() if not is_commented]


def examples() -> list[Example]:
    settings = {module.path: module.attribute("settings", "Settings") for module in discover().values()}
    own = {path: path / ".env.example" for path in settings if (path / ".env.example").exists()}
    others = [cls for path, cls in settings.items() if cls and path not in own]
    return [
        Example(ROOT / ".env.example", (Settings, *others)),
        *(Example(file, tuple(filter(None, [settings[path]]))) for path, file in own.items()),
    ]


@pytest.fixture(params=examples(), ids=lambda one: one.file.parent.name)
def example(request: pytest.FixtureRequest) -> Example:
    found: Example = request.param
    return found


@pytest.mark.module_rules
def test_every_setting_stands_in_the_example_once_and_nothing_else_does(example: Example) -> None:
    assert sorted(name for name, _, _ in example.assignments()) == sorted(example.fields())


@pytest.mark.module_rules
def test_every_setting_of_the_example_has_a_comment(example: Example) -> None:
    bare = [
        paragraph[0]
        for paragraph in example.paragraphs()
        if any(ASSIGNMENT.fullmatch(line) for line in paragraph)
        and (ASSIGNMENT.fullmatch(paragraph[0]) or not paragraph[0].startswith("# "))
    ]

    assert not bare


@pytest.mark.module_rules
def test_the_example_is_nothing_but_comments_and_settings(example: Example) -> None:
    lines = [line for paragraph in example.paragraphs() for line in paragraph]

    assert [line for line in lines if not line.startswith("#") and not ASSIGNMENT.fullmatch(line)] == []


@pytest.mark.module_rules
def test_what_is_commented_out_is_the_default(example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    commented = {name: value for name, value, is_commented in example.assignments() if is_commented}
    for name, value in commented.items():
        monkeypatch.setenv(name, value)
    for name in example.empty():
        monkeypatch.setenv(name, SECRET)
    loaded = {settings: settings(_env_file=None) for settings in example.classes}

    for name, value in commented.items():
        settings, field = example.fields()[name]
        default = settings.model_fields[field].get_default()
        assert getattr(loaded[settings], field) == default, name
        assert bool(value) is (default not in {None, ()}), f"{name}: a default that there is must be shown"


@pytest.mark.module_rules
def test_the_example_holds_no_secret(example: Example) -> None:
    values = {value for _, value, is_commented in example.assignments() if not is_commented}
    required = {name for name, (cls, field) in example.fields().items() if cls.model_fields[field].is_required()}

    assert values <= {""}
    assert set(example.empty()) == required | ({"JWT_SECRET_KEY"} & set(example.fields()))


def test_one_command_prints_all_of_them(sqlite_project: Project) -> None:
    folder = sqlite_project.add_module("invoices")

    printed = sqlite_project.run("manage", "settings").stdout

    for text in (sqlite_project.path / ".env.example", folder / ".env.example"):
        assert text.read_text(encoding="utf-8").strip() in printed
