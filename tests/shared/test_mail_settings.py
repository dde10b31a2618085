"""Where mails go, from whom they come and where their links lead: read strictly, and never shown in a fault."""

from typing import Any

import pytest
from pydantic import ValidationError

from shared.mail.message import sender_address
from shared.mail.smtp import SmtpServer, smtp_server
from shared.settings import Settings
from tests.conftest import settings_for

CANARY = "canary-5e1"
MAIL_IN_PRODUCTION = {
    "app_env": "production",
    "smtp_url": f"smtp://app:{CANARY}@mail.example",
    "mail_from": "Example <no-reply@mail.example>",
    "public_url": "https://app.example",
}


def settings(**values: Any) -> Settings:
    return settings_for("postgresql://app:pw@db.example/app", **values)


def faults(**values: Any) -> list[str]:
    """The names of the settings that are refused."""
    with pytest.raises(ValidationError) as caught:
        settings(**values)
    assert CANARY not in str(caught.value)
    return [str(fault["loc"][0]) for fault in caught.value.errors()]


@pytest.mark.parametrize(
    ("address", "server"),
    [
        ("smtp://mail.example", SmtpServer("mail.example", 587)),
        ("smtp://mail.example:25/", SmtpServer("mail.example", 25)),
        ("SMTP://Mail.Example", SmtpServer("mail.example", 587)),
        ("smtps://mail.example", SmtpServer("mail.example", 465, use_tls=True)),
        ("smtp://us%40er:p%25%2F%3A%C3%A9@mail.example", SmtpServer("mail.example", 587, "us@er", "p%/:é")),
        ("smtp://user:p@ss@mail.example", SmtpServer("mail.example", 587, "user", "p@ss")),
        ("smtp://127.0.0.1:1025", SmtpServer("127.0.0.1", 1025, is_loopback=True)),
        ("smtp://127.8.8.8", SmtpServer("127.8.8.8", 587, is_loopback=True)),
        ("smtp://localhost", SmtpServer("localhost", 587, is_loopback=True)),
        ("smtp://[::1]:25", SmtpServer("::1", 25, is_loopback=True)),
        ("smtp://[2001:db8::1]", SmtpServer("2001:db8::1", 587)),
        ("smtp://localhost.example", SmtpServer("localhost.example", 587)),
    ],
)
def test_a_mail_servers_address_is_read(address: str, server: SmtpServer) -> None:
    assert smtp_server(address) == server


@pytest.mark.parametrize(
    "address",
    [
        CANARY,
        f"http://{CANARY}",
        f"smtp:{CANARY}",
        f"smtp://user:{CANARY}@",
        f"smtp://user:{CANARY}/@mail.example",
        f"smtp://user:1/{CANARY}@mail.example",
        f"smtp://user:{CANARY}#@mail.example",
        f"smtp://user:{CANARY}?@mail.example",
        f"smtp://{CANARY}@mail.example",
        f"smtp://:{CANARY}@mail.example",
        f"smtp://user:{CANARY}%FF@mail.example",
        f"smtp://{CANARY}:port",
        f"smtp://{CANARY}:70000",
        f"smtp://{CANARY} .example",
        f"smtp://[{CANARY}]",
        f"smtp://mail.example/{CANARY}",
    ],
)
def test_a_mail_servers_address_that_cannot_be_read_is_refused_without_showing_it(address: str) -> None:
    assert faults(smtp_url=address) == ["smtp_url"]


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("no-reply@localhost", "", "no-reply@localhost"),
        (" a.b+c@Mail.Example ", "", "a.b+c@mail.example"),
        ("<a@x.io>", "", "a@x.io"),
        ("Example <a@x.io>", "Example", "a@x.io"),
        ('"Example, Inc." <a@x.io>', "Example, Inc.", "a@x.io"),
        ("Zoë, 你好 <a@x.io>", "Zoë, 你好", "a@x.io"),
    ],
)
def test_a_senders_address_is_read(text: str, name: str, address: str) -> None:
    read = sender_address(text)

    assert (read.display_name, read.addr_spec) == (name, address)
    assert settings(mail_from=text)


@pytest.mark.parametrize(
    "text",
    [
        CANARY,
        f"{CANARY}@",
        f"@{CANARY}",
        f"{CANARY}@x.io>",
        f"<{CANARY}@x.io",
        f"Example {CANARY}@x.io",
        f"{CANARY}@x.io, b@x.io",
        f"{CANARY}@x..io",
        f"{CANARY}..a@x.io",
        f"{CANARY}@exämple.com",
        f"é{CANARY}@x.io",
        f"Example\nBcc: {CANARY}@y.io <a@x.io>",
        f"Exa\rmple <{CANARY}@x.io>",
        f"a@x.io <{CANARY}@y.io>",
    ],
)
def test_a_senders_address_that_is_none_is_refused_without_showing_it(text: str) -> None:
    assert faults(mail_from=text) == ["mail_from"]


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("https://app.example/", "https://app.example"),
        ("https://app.example/portal/", "https://app.example/portal"),
        ("http://localhost:5173", "http://localhost:5173"),
    ],
)
def test_links_begin_with_the_front_ends_address(value: str, read: str) -> None:
    assert settings(public_url=value).public_url == read


@pytest.mark.parametrize(
    "value",
    [
        CANARY,
        f"ftp://{CANARY}",
        f"javascript:{CANARY}",
        f"//{CANARY}",
        "https://",
        f"https://app.example?{CANARY}",
        f"https://app.example#{CANARY}",
        "https://app.example?",
        f"https://user:{CANARY}@app.example",
        f"https://{CANARY} .example",
    ],
)
def test_an_address_that_no_link_can_begin_with_is_refused_without_showing_it(value: str) -> None:
    assert faults(public_url=value) == ["public_url"]


def test_item_76_production_that_sends_mail_says_from_whom_and_where_the_links_lead() -> None:
    assert settings(**MAIL_IN_PRODUCTION)
    assert settings(app_env="production"), "without mail there is nothing to say"
    required = {name: MAIL_IN_PRODUCTION[name] for name in ("app_env", "smtp_url")}
    assert faults(**required) == ["mail_from", "public_url"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mail_from", "Example <no-reply@localhost>"),
        ("public_url", "http://app.example"),
        ("public_url", "https://localhost"),
        ("public_url", "https://127.0.0.1:8443"),
        ("public_url", "https://127.1"),
        ("public_url", "https://[::1]"),
    ],
)
def test_item_76_production_that_sends_mail_refuses_what_only_works_on_a_developers_machine(
    name: str, value: str
) -> None:
    assert faults(**(MAIL_IN_PRODUCTION | {name: value})) == [name]
    assert settings(**(MAIL_IN_PRODUCTION | {name: value, "app_env": "development"}))


def test_the_password_shows_nowhere() -> None:
    made = settings(**MAIL_IN_PRODUCTION)

    for text in (repr(made), str(made), made.model_dump_json(), repr(smtp_server(MAIL_IN_PRODUCTION["smtp_url"]))):
        assert CANARY not in text
