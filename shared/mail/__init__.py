"""Mails, and the senders that deliver them."""

from shared.mail.mailer import Mailer
from shared.mail.message import Mail
from shared.mail.senders import MailSender

__all__ = [
    "Mail",
    "MailSender",
    "Mailer",
]
