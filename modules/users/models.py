from datetime import datetime

from sqlalchemy import Index, String, false
from sqlalchemy.orm import Mapped, mapped_column, validates

from modules.users.emails import EMAIL_KEY_LENGTH
from shared.database import Base, Id
from shared.locales import DEFAULT
from shared.paging import search_key, search_text

NICKNAME_KEY_LENGTH = 150


class User(Base):
    __tablename__ = "users"
    # One for each sort order of the list and each of its filters; the unique key is one of them.
    __table_args__ = (
        Index(None, "created_at", "id"),
        Index(None, "is_active", "created_at", "id"),
        Index(None, "is_active", "email_key"),
        Index(None, "is_invited", "created_at", "id"),
        Index(None, "is_invited", "email_key"),
    )

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(String(254))
    # Unique in place of `email`. Casefolding may make the local part longer, "ß" becomes "ss" there.
    email_key: Mapped[str] = mapped_column(search_key(EMAIL_KEY_LENGTH), unique=True)
    nickname: Mapped[str | None] = mapped_column(String(50))
    # For the search. Nearly always at most three times as long as the nickname; longer keys are refused.
    nickname_key: Mapped[str | None] = mapped_column(search_key(NICKNAME_KEY_LENGTH), index=True)
    # The language of the mails to this user.
    locale: Mapped[str] = mapped_column(String(10), default=DEFAULT, server_default=DEFAULT)
    is_active: Mapped[bool] = mapped_column(default=True)
    # Somebody else made the account, and its user has not accepted yet.
    is_invited: Mapped[bool] = mapped_column(default=False, server_default=false())
    email_verified: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    @validates("nickname")
    def _set_nickname_key(self, _name: str, nickname: str | None) -> str | None:
        self.nickname_key = nickname and search_text(nickname)
        return nickname
