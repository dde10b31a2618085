"""docs/http-api.md tells the truth."""

from fastapi import FastAPI

from shared.errors import AppError
from tests.docs.exchanges import BLOCK
from tests.docs.failure_codes import errors_of_ours, with_failure_codes
from tests.docs.http_api import PAGE, TO_MAKE_IT_TRUE, page_as_it_should_be


async def test_the_page_has_the_codes_of_the_code_and_the_answers_of_the_service(app: FastAPI) -> None:
    true = await page_as_it_should_be(app)

    assert PAGE.read_text(encoding="utf-8") == true, f"run: {TO_MAKE_IT_TRUE}"
    assert len(BLOCK.findall(true)) > 20


def test_a_code_that_the_page_lacks_is_noticed() -> None:
    new = type("Teapot", (AppError,), {"status": 418, "code": "teapot", "message": "Short and stout."})
    page = PAGE.read_text(encoding="utf-8")

    changed = with_failure_codes(page, errors_of_ours() | {"Teapot": new})

    assert set(changed.splitlines()) - set(page.splitlines()) == {"| 418 | `teapot` | Short and stout. |  |"}
