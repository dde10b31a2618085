"""The report: sections with tables and targets, as JSON for programs and Markdown for people."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

Cell = str | float | None
Row = list[Cell]

# The versions in the summary, which is committed; the JSON file has those of all packages.
SHOWN_VERSIONS = (
    "python",
    "fastapi",
    "starlette",
    "uvicorn",
    "pydantic",
    "sqlalchemy",
    "asyncpg",
    "asyncmy",
    "aiosqlite",
    "litestar",
    "advanced_alchemy",
    "django",
    "django-ninja",
    "fastapi_users: fastapi-users",
)


@dataclass(frozen=True)
class Target:
    """A bound of the project's own, and the measured value."""

    what: str
    measured: float
    bound: float
    at_most: bool = True
    unit: str = ""

    @property
    def is_met(self) -> bool:
        return self.measured <= self.bound if self.at_most else self.measured >= self.bound

    def __str__(self) -> str:
        relation = "at most" if self.at_most else "at least"
        verdict = "met" if self.is_met else "NOT MET"
        return f"{self.what}: {number(self.measured)}{self.unit}, {relation} {number(self.bound)}{self.unit}: {verdict}"


@dataclass(frozen=True)
class Table:
    columns: Sequence[str]
    rows: Sequence[Row]

    def __str__(self) -> str:
        head = f"| {' | '.join(self.columns)} |"
        lines = [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in self.rows]
        return "\n".join([head, "|" + "---|" * len(self.columns), *lines])


@dataclass
class Section:
    """One scenario's result. `raw` holds each round's figures."""

    title: str
    tables: list[Table] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    raw: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [f"## {self.title}", *map(str, self.tables)]
        parts += ["\n".join(f"- {target}" for target in self.targets)] if self.targets else []
        parts += ["\n".join(f"- {note}" for note in self.notes)] if self.notes else []
        return "\n\n".join(parts)


@dataclass
class Report:
    """A whole run."""

    started: str
    command: str
    machine: dict[str, Any]
    versions: dict[str, str]
    options: dict[str, Any]
    sections: dict[str, Section] = field(default_factory=dict)

    def write(self, folder: Path, name: str) -> Path:
        """Write `<name>.json` and `<name>.md`; returns the latter."""
        folder.mkdir(parents=True, exist_ok=True)
        content = asdict(self)
        for section, made in zip(content["sections"].values(), self.sections.values(), strict=True):
            for target, one in zip(section["targets"], made.targets, strict=True):
                target["is_met"] = one.is_met
        text = json.dumps(content, indent=1, default=str, ensure_ascii=False)
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        page = folder / f"{name}.md"
        page.write_text(str(self) + "\n", encoding="utf-8")
        return page

    def __str__(self) -> str:
        versions = {name.lower(): version for name, version in self.versions.items()}
        where = (
            f"{self.machine['cpu']}, {self.machine['cores']} cores: the server on {self.machine['server_core']}, the "
            f"load and, where possible, PostgreSQL's processes on {self.machine['load_core']}"
        )
        loads = ", ".join(f"{load:.2f}" for load in self.machine["load_average_at_start"])
        facts = [
            f"`{self.command}`, {self.started}, commit {self.versions['commit']}",
            where,
            f"load average when it began: {loads}",
            ", ".join(f"{name.rpartition(': ')[2]} {versions[name]}" for name in SHOWN_VERSIONS if name in versions),
            ", ".join(f"{name}: {value}" for name, value in self.options.items()),
        ]
        warning = ["**A smoke run: these figures mean nothing.**"] if self.options.get("quick") else []
        head = ["# Benchmarks", *warning, "\n".join(f"- {fact}" for fact in facts)]
        return "\n\n".join([*head, *map(str, self.sections.values())])


def number(value: float) -> str:
    """Three significant digits, without an exponent."""
    if value != value:  # noqa: PLR0124 - NaN, without a single measurement
        return "none"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def spread(values: Sequence[float]) -> str:
    """`median (lowest to highest)`."""
    return f"{number(median(values))} ({number(min(values))} to {number(max(values))})"


def _cell(cell: Cell) -> str:
    if cell is None:
        return ""
    return cell if isinstance(cell, str) else number(cell)
