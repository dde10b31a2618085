"""Mails are handed to a real SMTP server: encrypted where it matters, tried again where that helps."""

import socket
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared.mail import Mail
from shared.mail.message import sender_address
from shared.mail.smtp import MailNotSent, SmtpSender, SmtpServer, smtp_server
from shared.testing.mailbox import Mailbox, link_token, open_mailbox

SENDER = sender_address("Zoë & Co <no-reply@mail.example>")
ADA = "ada@example.com"
MAIL = Mail(ADA, "Bonjour à tous", "Grüße, 你好\n\nhttps://app.example/reset#token=canary-7Zq_x-9\n")
PASSWORD = "p%40:/ä wørd"


def sender_to(mailbox: Mailbox, *, is_loopback: bool = True) -> SmtpSender:
    """With two tries more that come at once."""
    server = replace(smtp_server(mailbox.url), is_loopback=is_loopback)
    return SmtpSender(server, SENDER, retry_after_seconds=(0, 0))


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 with its key, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_a_mail_arrives_as_it_was_written(mailbox: Mailbox) -> None:
    await sender_to(mailbox).send(MAIL)

    mail = await mailbox.next_mail(to=ADA)
    assert mail["From"] == "Zoë & Co <no-reply@mail.example>"
    assert mail["Subject"] == "Bonjour à tous"
    assert mail.get_content().splitlines() == MAIL.text.splitlines()
    assert link_token(mail) == "canary-7Zq_x-9"
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content_charset() == "utf-8"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert abs(parsedate_to_datetime(mail["Date"]) - datetime.now(UTC)) < timedelta(minutes=5)
    assert mailbox.envelopes[0].mail_from == "no-reply@mail.example"
    assert mailbox.envelopes[0].rcpt_tos == [ADA]


async def test_a_mail_says_which_domain_it_comes_from_and_not_which_machine(mailbox: Mailbox) -> None:
    await sender_to(mailbox).send(MAIL)

    assert str(mailbox.mails[0]["Message-ID"]).endswith("@mail.example>")
    assert mailbox.sessions[0].host_name == "mail.example"
    assert socket.gethostname().encode() not in (mailbox.envelopes[0].original_content or b"")


async def test_every_mail_has_an_id_of_its_own(mailbox: Mailbox) -> None:
    for _ in range(3):
        await sender_to(mailbox).send(MAIL)

    assert len({mail["Message-ID"] for mail in mailbox.mails}) == 3


async def test_lines_of_any_length_and_single_dots_survive(mailbox: Mailbox) -> None:
    text = f"before\n.\n..\nFrom here\n{'x' * 3000}\n{'ö' * 3000}\n"

    await sender_to(mailbox).send(replace(MAIL, text=text))

    mail = await mailbox.next_mail(to=ADA)
    assert mail.get_content().replace("\r\n", "\n") == text
    assert max(map(len, (mailbox.envelopes[0].original_content or b"").splitlines())) <= 998


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\u2028", "\x0b"])
async def test_nothing_gets_into_the_headers(mailbox: Mailbox, end: str) -> None:
    injected = f"{end}Bcc: eve@example.com"

    for mail in (replace(MAIL, subject=f"Hello{injected}"), replace(MAIL, to=f"{ADA}{injected}")):
        with pytest.raises(MailNotSent) as caught:
            await sender_to(mailbox).send(mail)
        assert "eve" not in str(caught.value)

    assert mailbox.tries == 0


@pytest.mark.parametrize("to", ["ada@example.com, eve@example.com", "Ada <ada@example.com>", "ada", "", "<ada@x.io>"])
async def test_a_mail_goes_to_one_plain_address(mailbox: Mailbox, to: str) -> None:
    with pytest.raises(MailNotSent):
        await sender_to(mailbox).send(replace(MAIL, to=to))

    assert mailbox.tries == 0


async def test_half_a_character_is_refused_without_being_repeated(mailbox: Mailbox) -> None:
    for mail in (replace(MAIL, text="canary \ud800"), replace(MAIL, subject="canary \ud800")):
        with pytest.raises(MailNotSent) as caught:
            await sender_to(mailbox).send(mail)
        assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("to", "on_the_wire", "needs_utf8"),
    [
        ("ada@straße.example", "ada@xn--strae-oqa.example", False),
        ("jörg@example.com", "jörg@example.com", True),
        ("用户@例子.example", "用户@xn--fsqu00a.example", True),
    ],
)
async def test_international_addresses(mailbox: Mailbox, to: str, on_the_wire: str, needs_utf8: bool) -> None:
    await sender_to(mailbox).send(replace(MAIL, to=to))

    assert mailbox.envelopes[0].rcpt_tos == [on_the_wire]
    assert mailbox.envelopes[0].smtp_utf8 == needs_utf8
    assert (await mailbox.next_mail(to=on_the_wire))["Subject"] == MAIL.subject


async def test_a_temporary_refusal_is_tried_again_and_is_still_the_same_mail(mailbox: Mailbox) -> None:
    mailbox.answers += ["451 4.7.1 Greylisted", "421 4.3.2 Closing"]

    await sender_to(mailbox).send(MAIL)

    assert mailbox.tries == 3
    assert len(mailbox.mails) == 1


async def test_after_three_tries_it_is_given_up(mailbox: Mailbox) -> None:
    mailbox.answers += [f"451 4.7.1 {ADA} is greylisted"] * 5

    with pytest.raises(MailNotSent, match="the server answered 451") as caught:
        await sender_to(mailbox).send(MAIL)

    assert mailbox.tries == 3
    assert ADA not in str(caught.value)


async def test_a_refusal_for_good_is_not_tried_again(mailbox: Mailbox) -> None:
    mailbox.answers += [f"550 5.1.1 {ADA} is unknown"]

    with pytest.raises(MailNotSent, match="the server answered 550") as caught:
        await sender_to(mailbox).send(MAIL)

    assert mailbox.tries == 1
    assert ADA not in str(caught.value)


async def test_a_server_that_is_away_is_tried_again() -> None:
    async with open_mailbox() as mailbox:
        pass

    with pytest.raises(MailNotSent, match="SMTPConnectError"):
        await sender_to(mailbox).send(MAIL)


@pytest.mark.parametrize("is_loopback", [True, False])
@pytest.mark.parametrize("is_implicit", [True, False])
async def test_tls_and_a_login(
    certificate: Path, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, is_implicit: bool, is_loopback: bool
) -> None:
    # A certificate that nobody knows is good enough where nobody stands in between.
    if not is_loopback:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    async with open_mailbox(tls=tls, is_implicit=is_implicit, users={"us@er": PASSWORD}) as mailbox:
        await sender_to(mailbox, is_loopback=is_loopback).send(MAIL)

    assert mailbox.sessions[0].authenticated
    assert is_implicit or mailbox.sessions[0].ssl is not None


@pytest.mark.parametrize("is_implicit", [True, False])
async def test_a_certificate_that_nobody_knows_is_refused(tls: ssl.SSLContext, is_implicit: bool) -> None:
    async with open_mailbox(tls=tls, is_implicit=is_implicit, users={"user": PASSWORD}) as mailbox:
        with pytest.raises(MailNotSent, match="CERTIFICATE_VERIFY_FAILED"):
            await sender_to(mailbox, is_loopback=False).send(MAIL)

    assert mailbox.tries == 0


async def test_a_password_is_not_sent_where_somebody_could_listen() -> None:
    async with open_mailbox(users={"user": PASSWORD}) as mailbox:
        with pytest.raises(MailNotSent, match="STARTTLS") as caught:
            await sender_to(mailbox, is_loopback=False).send(MAIL)
        assert (mailbox.logins, mailbox.tries) == (0, 0)
        assert PASSWORD not in str(caught.value)

        await sender_to(mailbox).send(MAIL)
        assert (mailbox.logins, mailbox.tries) == (1, 1)
        assert mailbox.sessions[0].authenticated


async def test_starttls_is_used_without_a_password_too(
    certificate: Path, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    async with open_mailbox(tls=tls) as mailbox:
        await sender_to(mailbox, is_loopback=False).send(MAIL)

    assert mailbox.sessions[0].ssl is not None


async def test_a_wrong_password_is_not_tried_again_and_not_shown() -> None:
    async with open_mailbox(users={"user": PASSWORD}) as mailbox:
        server = SmtpServer("127.0.0.1", mailbox.port, "user", "canary-wrong", is_loopback=True)
        with pytest.raises(MailNotSent, match="the server answered 535") as caught:
            await SmtpSender(server, SENDER, retry_after_seconds=(0, 0)).send(MAIL)

    assert "canary" not in str(caught.value)
    assert "canary" not in repr(server)
    assert mailbox.tries == 0
