from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, false
from sqlalchemy.orm import Mapped, mapped_column

from shared.database import Base, Id

ADMIN = "admin"
USER = "user"


class Credential(Base):
    """A user's password. `auth_version` is raised to void all earlier logins and links."""

    __tablename__ = "auth_credentials"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    auth_version: Mapped[int] = mapped_column(default=1)
    must_change: Mapped[bool] = mapped_column(default=False, server_default=false())
    changed_at: Mapped[datetime]


class LoginSession(Base):
    """A login on one device. This row decides whether its tokens are valid."""

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


class MailToken(Base):
    """A mailed link, for one use. The link cannot be restored from the row."""

    __tablename__ = "auth_mail_tokens"

    id: Mapped[Id]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[str] = mapped_column(String(20))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    email: Mapped[str] = mapped_column(String(254))
    # 0 for an account that has no password yet.
    auth_version: Mapped[int]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Role(Base):
    """A named set of permissions. Those of the built-in roles are declared by the modules, and have no rows.

    `first_granted_at` tells whether there has been an administrator; the row of `admin` is also the lock for changes of
    roles.
    """

    __tablename__ = "auth_roles"

    name: Mapped[str] = mapped_column(String(50), primary_key=True)
    description: Mapped[str] = mapped_column(String(255))
    is_builtin: Mapped[bool] = mapped_column(default=False)
    first_granted_at: Mapped[datetime | None]


class RolePermission(Base):
    __tablename__ = "auth_role_permissions"

    role_name: Mapped[str] = mapped_column(ForeignKey("auth_roles.name", ondelete="CASCADE"), primary_key=True)
    permission: Mapped[str] = mapped_column(String(150), primary_key=True)


class UserRole(Base):
    """A role that a user holds."""

    __tablename__ = "auth_user_roles"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    role_name: Mapped[str] = mapped_column(
        ForeignKey("auth_roles.name", ondelete="CASCADE"), primary_key=True, index=True
    )


class AuditEvent(Base):
    """An event of an account, with the actor and the client's address. No foreign keys: it outlives the accounts."""

    __tablename__ = "auth_audit_events"
    # Every combination of the list's filters, each in the order of the list.
    __table_args__ = (
        Index(None, "at", "id"),
        Index(None, "user_id", "at", "id"),
        Index(None, "event", "at", "id"),
        Index(None, "user_id", "event", "at", "id"),
    )

    id: Mapped[Id]
    at: Mapped[datetime]
    event: Mapped[str] = mapped_column(String(50))
    user_id: Mapped[UUID | None]
    actor_id: Mapped[UUID | None]
    session_id: Mapped[UUID | None]
    ip: Mapped[str | None] = mapped_column(String(45))
    request_id: Mapped[str] = mapped_column(String(128))
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
