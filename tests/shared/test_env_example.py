"""`.env.example` says all that can be set and nothing else, with the true defaults and without a secret."""

import re
from typing import Any

import pytest
from pydantic_settings import BaseSettings

from shared.addresses import ROOT
from shared.discovery import discover
from shared.settings import Settings
from tests.project import SECRET

ASSIGNMENT = re.compile(r"(?P<comment># )?(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>.*)")


def classes() -> list[Any]:
    own = [module.attribute("settings", "Settings") for module in discover().values()]
    return [Settings, *filter(None, own)]


def fields() -> dict[str, tuple[type[BaseSettings], str]]:
    """Every variable, with the class and the field that it sets."""
    found: dict[str, tuple[type[BaseSettings], str]] = {}
    for settings in classes():
        prefix = settings.model_config.get("env_prefix") or ""
        for name, field in settings.model_fields.items():
            found[str(field.validation_alias or f"{prefix}{name}").upper()] = (settings, name)
    return found


def paragraphs() -> list[list[str]]:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    return [paragraph.splitlines() for paragraph in re.split(r"\n\n+", text.strip())]


def assignments() -> list[tuple[str, str, bool]]:
    """Name, value, and whether it is commented out."""
    matches = [ASSIGNMENT.fullmatch(line) for paragraph in paragraphs() for line in paragraph]
    return [(match["name"], match["value"], match["comment"] is not None) for match in matches if match]


def test_every_setting_stands_in_the_example_once_and_nothing_else_does() -> None:
    assert len(fields()) > len(Settings.model_fields), "modules have settings, too"
    assert sorted(name for name, _, _ in assignments()) == sorted(fields())


def test_every_setting_of_the_example_has_a_comment() -> None:
    bare = [
        paragraph[0]
        for paragraph in paragraphs()
        if any(ASSIGNMENT.fullmatch(line) for line in paragraph)
        and (ASSIGNMENT.fullmatch(paragraph[0]) or not paragraph[0].startswith("# "))
    ]

    assert not bare


def test_the_example_is_nothing_but_comments_and_settings() -> None:
    lines = [line for paragraph in paragraphs() for line in paragraph]

    assert [line for line in lines if not line.startswith("#") and not ASSIGNMENT.fullmatch(line)] == []


def test_what_is_commented_out_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    commented = {name: value for name, value, is_commented in assignments() if is_commented}
    for name, value in commented.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("JWT_SECRET_KEY", SECRET)
    loaded = {settings: settings(_env_file=None) for settings in classes()}

    for name, value in commented.items():
        settings, field = fields()[name]
        default = settings.model_fields[field].get_default()
        assert getattr(loaded[settings], field) == default, name
        assert bool(value) is (default not in {None, ()}), f"{name}: a default that there is must be shown"


def test_the_example_holds_no_secret() -> None:
    values = {name: value for name, value, is_commented in assignments() if not is_commented}

    assert values == {"JWT_SECRET_KEY": ""}
