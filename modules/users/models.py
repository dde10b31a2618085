from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from modules.users.locales import DEFAULT
from shared.models import Base, Id


class User(Base):
    __tablename__ = "users"

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(String(254))
    # Unique in place of `email`: casefolding may make it longer, "ß" becomes "ss".
    email_key: Mapped[str] = mapped_column(String(510), unique=True)
    nickname: Mapped[str | None] = mapped_column(String(50))
    # The language of the mails to this user.
    locale: Mapped[str] = mapped_column(String(10), default=DEFAULT, server_default=DEFAULT)
    is_active: Mapped[bool] = mapped_column(default=True)
    email_verified: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(index=True)
    updated_at: Mapped[datetime]
