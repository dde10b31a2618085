"""The pages of the API document, as somebody sees them whose machine has no way to the internet."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.browser.chromium import Page, chromium
from tests.conftest import sign_up
from tests.project import Project, Server, read_along, serve

pytestmark = pytest.mark.browser


@pytest.fixture
def server(sqlite_project: Project) -> Iterator[Server]:
    """As after a fresh clone, in development."""
    project = replace(sqlite_project, variables={"APP_ENV": "", "JWT_SECRET_KEY": "", "DATABASE_URL": ""})
    with serve(project) as running, read_along(running):
        yield running


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with chromium(tmp_path / "profile") as opened:
        yield opened


async def test_somebody_logs_in_through_authorize_and_calls_a_route(server: Server, page: Page, tmp_path: Path) -> None:
    async with httpx.AsyncClient(base_url=server.address) as client:
        user = await sign_up(client)

    page.open(f"{server.address}/docs")
    page.evaluate("(await until(() => button('Authorize'))).click()")
    page.evaluate(
        f"""
        const form = await until(() => [...document.querySelectorAll(".auth-container")]
          .find((one) => one.textContent.includes("OAuth2, password")));
        type(form.querySelector("#oauth_username"), "{user.email}");
        type(form.querySelector("#oauth_password"), "{user.password}");
        button("Authorize", form).click();
        await until(() => button("Logout"));
        """
    )
    page.screenshot(tmp_path / "authorized.png")
    status, body = page.evaluate(
        """
        button("Close").click();
        const operation = await until(() => document.querySelector("#operations-users-get_me"));
        operation.scrollIntoView();
        operation.querySelector("button").click();
        (await until(() => button("Try it out", operation))).click();
        (await until(() => button("Execute", operation))).click();
        const answer = await until(() => operation.querySelector(".live-responses-table .response"));
        return [answer.querySelector(".response-col_status").textContent, answer.textContent];
        """
    )
    page.screenshot(tmp_path / "called.png")

    assert status.startswith("200")
    assert user.email in body
    assert page.hosts == {"127.0.0.1"}
    assert page.complaints == []


async def test_a_wrong_password_is_told(server: Server, page: Page) -> None:
    page.open(f"{server.address}/docs")
    text = page.evaluate(
        """
        (await until(() => button("Authorize"))).click();
        const form = await until(() => [...document.querySelectorAll(".auth-container")]
          .find((one) => one.textContent.includes("OAuth2, password")));
        type(form.querySelector("#oauth_username"), "nobody@example.com");
        type(form.querySelector("#oauth_password"), "not the password");
        button("Authorize", form).click();
        return (await until(() => form.querySelector(".errors"))).textContent;
        """
    )

    assert "Unauthorized" in text
    assert page.hosts == {"127.0.0.1"}


async def test_redoc_shows_every_module(server: Server, page: Page, tmp_path: Path) -> None:
    page.open(f"{server.address}/redoc")
    text = page.evaluate("await until(() => document.querySelector('h1')); return document.body.textContent")
    page.screenshot(tmp_path / "redoc.png")

    for word in ("Modular Monolith", "/api/users/me", "/api/auth/login", "/api/health"):
        assert word in text
    assert page.hosts == {"127.0.0.1"}
    assert page.complaints == []
