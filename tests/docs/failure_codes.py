"""The table of failure codes in docs/http-api.md, made from the errors that the code declares."""

import json
import re
from collections.abc import Iterator

from shared.assembly.discovery import discover
from shared.errors import AppError
from tests.api.document import operations, schema_of
from tests.project import BUILT_IN, ROOT

BAD_REQUEST = 400
BEGIN, END = "<!-- failure codes: begin -->", "<!-- failure codes: end -->"


def errors_of_ours() -> dict[str, type[AppError]]:
    """Each failure that `shared` and the built-in modules declare, by the name of its class."""
    discover("modules").import_models()
    found, waiting = dict[str, type[AppError]](), [AppError]
    while waiting:
        error = waiting.pop()
        waiting += error.__subclasses__()
        if error.__module__.startswith(("shared.", *(f"modules.{name}." for name in BUILT_IN))):
            found[error.__name__] = error
    return found


def with_failure_codes(page: str, errors: dict[str, type[AppError]]) -> str:
    """The page with the table of these errors."""
    table = "\n".join(["| status | code | meaning | module |", "|---|---|---|---|", *sorted(_rows(errors))])
    replaced, count = re.subn(f"{BEGIN}.*?{END}", lambda _: f"{BEGIN}\n{table}\n{END}", page, flags=re.DOTALL)
    assert count == 1, f"the page has no place for the table: {BEGIN} {END}"
    return replaced


def _rows(errors: dict[str, type[AppError]]) -> Iterator[str]:
    documented = set(_documented())
    for error in errors.values():
        module = error.__module__.split(".")[1] if error.__module__.startswith("modules.") else ""
        # A subclass that only says more has the code of its base. A command's own failure is in no answer.
        if "code" in vars(error) and (not module or (error.status, error.code) in documented):
            yield f"| {error.status} | `{error.code}` | {error.message} | {module and f'`{module}`'} |"


def _documented() -> Iterator[tuple[int, str]]:
    """Status and code of each failure of each operation."""
    document = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
    for _, _, operation in operations(document):
        for status in operation["responses"]:
            code = schema_of(document, operation, status)["properties"]["code"] if int(status) >= BAD_REQUEST else {}
            yield from ((int(status), one) for one in code.get("enum", [code.get("const")]) if one)
