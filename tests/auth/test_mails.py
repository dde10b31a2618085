"""The mails: every one in both languages, in that of its reader."""

import httpx2 as httpx
import pytest
from fastapi import FastAPI

from modules.auth.mail.mailer import TEMPLATES
from shared.locales import Locale, preferred_locale
from shared.testing.envelope import data_of, input_errors
from shared.testing.mailbox import Mailbox, link_token
from tests.auth.emails import change_email, confirm_change
from tests.auth.recovery import change, forgot
from tests.auth.test_register import registration
from tests.conftest import UNLIMITED, Account, MakeApp, client_of, sign_up
from tests.factories import RegisterRequestFactory

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

CHINESE = "zh-CN,zh;q=0.9,en;q=0.8"


@pytest.fixture
async def app(mailbox: Mailbox, make_app: MakeApp) -> FastAPI:
    return make_app(
        smtp_url=mailbox.url, public_url="https://app.example.com", app_name="Ada's $5 Shop", auth=UNLIMITED
    )


def is_chinese(text: str) -> bool:
    return any("\u4e00" <= character <= "\u9fff" for character in text)


@pytest.mark.parametrize("locale", ["en", "zh"])
async def test_every_mail_is_in_the_language_of_its_reader(
    client: httpx.AsyncClient, admin: Account, mailbox: Mailbox, locale: Locale
) -> None:
    user = await sign_up(client, RegisterRequestFactory.build(email="ada@x.io", locale=locale))
    mails = {"verify-email": await mailbox.next_mail(to="ada@x.io")}
    await forgot(client, "ada@x.io")
    mails["reset-password"] = await mailbox.next_mail(to="ada@x.io")
    await change(client, user, user.password)
    mails["password_changed"] = await mailbox.next_mail(to="ada@x.io")
    user.password = "eleven green bicycles hum"
    await change_email(client, user, "moved@x.io")
    mails["confirm-email-change"] = await mailbox.next_mail(to="moved@x.io")
    await confirm_change(client, user, link_token(mails["confirm-email-change"]))
    mails["email_changed"] = await mailbox.next_mail(to="ada@x.io")
    await client.post("/api/users", headers=admin.headers, json={"email": "invited@x.io", "locale": locale})
    mails["accept-invitation"] = await mailbox.next_mail(to="invited@x.io")

    assert {name.replace("-", "_") for name in mails} == {file.stem for file in (TEMPLATES / locale).iterdir()}
    for name, mail in mails.items():
        text = mail.get_content()
        for part in (mail["Subject"], text):
            assert is_chinese(part) == (locale == "zh"), name
            assert "Ada's $5 Shop" in part, name
        assert "$" not in text.replace("Ada's $5 Shop", ""), "a name that nobody filled in"
        is_link = "-" in name
        assert (f"https://app.example.com/{name}#token=" in text) == is_link
        assert user.password not in text
    lifetimes = {
        "verify-email": ("24 hours", "24 \u5c0f\u65f6"),
        "reset-password": ("30 minutes", "30 \u5206\u949f"),
        "confirm-email-change": ("24 hours", "24 \u5c0f\u65f6"),
        "accept-invitation": ("7 days", "7 \u5929"),
    }
    for name, lifetime in lifetimes.items():
        assert lifetime[locale == "zh"] in mails[name].get_content()


async def test_a_lifetime_is_told_in_a_unit_that_it_has_several_of(mailbox: Mailbox, make_app: MakeApp) -> None:
    for ttl, told in (
        (300, "5 minutes"),
        (3600, "60 minutes"),
        (7200, "2 hours"),
        (90_000, "25 hours"),
        (172_800, "2 days"),
    ):
        async with client_of(make_app(smtp_url=mailbox.url, auth={"verify_token_ttl": ttl})) as client:
            user = await sign_up(client, RegisterRequestFactory.build(locale="en"))
            assert f"within {told}:" in (await mailbox.next_mail(to=user.email)).get_content()


async def test_who_registers_is_written_to_as_the_browser_prefers_unless_told_otherwise(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    for number, (header, locale, expected) in enumerate(
        (
            (CHINESE, None, True),
            (CHINESE, "en", False),
            ("en-GB,en", None, False),
            ("en", "zh", True),
            (None, None, False),
        )
    ):
        request = registration(email=f"{number}@x.io", locale=locale)
        headers = {} if header is None else {"Accept-Language": header}
        data_of(await client.post("/api/auth/register", json=request, headers=headers), 201)
        assert is_chinese((await mailbox.next_mail(to=f"{number}@x.io")).get_content()) == expected


async def test_the_language_can_be_changed(client: httpx.AsyncClient, mailbox: Mailbox) -> None:
    user = await sign_up(client, RegisterRequestFactory.build(locale="en"))
    assert not is_chinese((await mailbox.next_mail(to=user.email)).get_content())

    data_of(await client.patch("/api/users/me", headers=user.headers, json={"locale": "zh"}))
    await forgot(client, user.email)

    assert is_chinese((await mailbox.next_mail(to=user.email)).get_content())


async def test_there_is_no_other_language(client: httpx.AsyncClient, user: Account) -> None:
    for locale in ("fr", "EN", "zh-CN", "../en", "", 1):
        answer = await client.patch("/api/users/me", headers=user.headers, json={"locale": locale})
        assert [loc for loc, _ in input_errors(answer)] == [("body", "locale")]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "en"),
        ("", "en"),
        ("zh", "zh"),
        ("ZH-hans-CN", "zh"),
        ("fr, zh;q=0.5", "zh"),
        ("en;q=0.1, zh;q=0.2", "zh"),
        ("en ; q=0.1 , zh ; q=0.2", "zh"),
        ("zh;q=0, en;q=0.1", "en"),
        ("zh;q=0", "en"),
        ("en, zh", "en"),
        ("zh, en", "zh"),
        ("*", "en"),
        ("zh;q=much, fr", "en"),
        ("zh;q=nan, en", "en"),
        ("chinese", "en"),
        (",;q=,;;,", "en"),
        ("fr," * 100_000 + "zh", "en"),
    ],
)
def test_any_header_gives_one_of_the_languages(backend: str, header: str | None, expected: str) -> None:
    assert preferred_locale(header) == expected
