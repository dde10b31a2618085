"""Mails: written by modules, carried by a sender."""

from shared.mail.mailer import Mailer
from shared.mail.message import Mail
from shared.mail.senders import MailSender

__all__ = [
    "Mail",
    "MailSender",
    "Mailer",
]
