"""What the documents name is there: files, and the pages and headings that they link to."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project import ROOT

TOP = ("README.md", "README.zh-CN.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
PAGES = sorted({*TOP, *(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md"))})
FILE = re.compile(
    r"(?<![\w/.-])(?:shared|modules|migrations|tests|benchmarks|docs|\.ci)/[\w./-]+\.(?:py|md|txt|toml|json)\b"
)
LINK = re.compile(r"\[[^\]\[]*\]\(([^)\s]+)\)")
# Of the modules that the pages tell how to write, rename and merge.
INVENTED = re.compile(r"modules/(?:notes|cat|catalogue|pricing|<\w+>)/")


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """As GitHub makes them from headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(page: str) -> Iterator[str]:
    for link in LINK.findall(text_of(page)):
        path, _, anchor = link.partition("#")
        if "://" in link or path.startswith("mailto:"):
            continue
        target = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


@pytest.mark.parametrize("page", [one for one in PAGES if one != "CHANGELOG.md"])  # it also names what is gone
def test_the_files_that_a_page_names_are_there(page: str) -> None:
    named = {name for name in FILE.findall(text_of(page)) if not INVENTED.match(name)}

    assert sorted(name for name in named if not (ROOT / name).exists()) == []


@pytest.mark.parametrize("page", PAGES)
def test_the_links_of_a_page_lead_somewhere(page: str) -> None:
    assert list(dead_links(page)) == []


def test_the_rules_see_what_is_wrong(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One heading: `and` more\n[a](#one-heading-and-more) [b](#gone) [c](gone.md)\n", encoding="utf-8")

    assert list(dead_links(str(page))) == ["#gone", "gone.md"]
    assert FILE.findall("see `shared/gone.py`, x/shared/no.py") == ["shared/gone.py"]


@pytest.mark.parametrize("folder", ["docs", "docs/decisions"])
def test_every_page_is_in_the_index_of_its_folder(folder: str) -> None:
    pages = {page.name for page in (ROOT / folder).glob("*.md")}

    assert pages - set(LINK.findall(text_of(f"{folder}/README.md"))) == {"README.md"}
