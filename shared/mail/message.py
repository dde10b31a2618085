"""A mail, and its form as a message."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid

from email_validator import validate_email

# Seven bits, which every server accepts; line ends as in the standard.
POLICY = SMTP.clone(cte_type="7bit")
SENDER = re.compile(
    r"""(?:"?(?P<name>[^"<>@]*?)"?\s*<)?
        (?P<local>[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*)
        @(?P<domain>[a-z0-9-]+(?:\.[a-z0-9-]+)*)(?(name)>)  # a bracket that was opened is closed""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Mail:
    """Plain text. The sender's address is a setting. `template` is its name in the log."""

    to: str
    subject: str
    text: str
    template: str = ""


def compose(mail: Mail, sender: Address) -> EmailMessage:
    """The mail as a message.

    Raises:
        ValueError: The recipient is not one plain address, or the subject has a line end. The text may quote them.
    """
    recipient = validate_email(mail.to, check_deliverability=False)
    message = EmailMessage(policy=POLICY)
    message["From"] = sender
    # The domain in ASCII: then only a local part outside of ASCII needs a server with SMTPUTF8.
    message["To"] = Address(username=recipient.local_part, domain=recipient.ascii_domain)
    message["Subject"] = mail.subject
    message["Date"] = datetime.now(UTC)
    message["Message-ID"] = make_msgid(domain=sender.domain)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message


def sender_address(text: str) -> Address:
    """Read `address` or `Name <address>`.

    Raises:
        ValueError: It is neither.
    """
    match = SENDER.fullmatch(text.strip())
    if match is None or not text.isprintable():
        raise ValueError("must be an ASCII address, or a name and one: Example <no-reply@example.com>")
    return Address(match["name"] or "", match["local"], match["domain"].lower())
