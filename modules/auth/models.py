from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from shared.models import Base, Id

ADMIN = "admin"
USER = "user"


class Credential(Base):
    """A user's password. `auth_version` goes up when all that was proven before shall count no longer."""

    __tablename__ = "auth_credentials"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    auth_version: Mapped[int] = mapped_column(default=1)
    changed_at: Mapped[datetime]


class LoginSession(Base):
    """A login on one device. This row is the truth about every token that was given out for it."""

    __tablename__ = "auth_sessions"
    __table_args__ = (Index(None, "user_id", "revoked_at"),)

    id: Mapped[Id]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    salt: Mapped[bytes] = mapped_column(LargeBinary)
    counter: Mapped[int] = mapped_column(default=0)
    auth_version: Mapped[int]
    created_at: Mapped[datetime]
    auth_time: Mapped[datetime]
    last_refreshed_at: Mapped[datetime]
    idle_expires_at: Mapped[datetime]
    absolute_expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]
    revoke_reason: Mapped[str | None] = mapped_column(String(20))
    ip: Mapped[str | None] = mapped_column(String(45))
    user_agent: Mapped[str | None] = mapped_column(String(255))


class Role(Base):
    """A named set of permissions. `admin` means every permission there is, so it has no rows of its own."""

    __tablename__ = "auth_roles"

    name: Mapped[str] = mapped_column(String(50), primary_key=True)
    description: Mapped[str] = mapped_column(String(255))
    is_builtin: Mapped[bool] = mapped_column(default=False)


class RolePermission(Base):
    __tablename__ = "auth_role_permissions"

    role_name: Mapped[str] = mapped_column(ForeignKey("auth_roles.name", ondelete="CASCADE"), primary_key=True)
    permission: Mapped[str] = mapped_column(String(150), primary_key=True)


class UserRole(Base):
    """Who holds which role."""

    __tablename__ = "auth_user_roles"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    role_name: Mapped[str] = mapped_column(
        ForeignKey("auth_roles.name", ondelete="CASCADE"), primary_key=True, index=True
    )
