"""The first administrator from the environment: for deployments where nobody can type a command."""

from dataclasses import dataclass
from pathlib import Path

import structlog
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from modules.auth.accounts.registration import RegistrationService
from modules.auth.accounts.schemas import RegisterRequest
from modules.auth.settings import Settings
from modules.users import Email, EmailTaken
from shared.errors import ValidationFailed
from shared.settings import SettingsError

log = structlog.get_logger(__name__)

TAKEN = (
    "AUTH_BOOTSTRAP_ADMIN_EMAIL: this address has an account already, and whoever registered it may be somebody else. "
    "Choose another address; or find out whose it is, and have the owner confirm it before "
    "`python bootstrap.py manage auth create-admin --promote`"
)


@dataclass(slots=True, kw_only=True)
class FirstAdministrator:
    """Applies only while there has never been an administrator; a renamed or deleted one is not made again."""

    registration: RegistrationService
    settings: Settings

    async def run(self, session: AsyncSession) -> None:
        """Make the administrator, who has to choose another password after the first login.

        If several processes start at once, one makes it and the others wait for that.

        Raises:
            SettingsError: The address, the file or the password in it is not usable.
        """
        email, file = self.settings.bootstrap_admin_email, self.settings.bootstrap_admin_password_file
        if email is None or file is None:
            return
        if await self.registration.has_had_administrator(session):
            log.info("bootstrap_ignored", reason="there has been an administrator already")
            return
        try:
            data = RegisterRequest(email=TypeAdapter(Email).validate_python(email), password=_first_line(file))
            user = await self.registration.create_first_admin(session, data)
        except (OSError, UnicodeDecodeError):
            raise SettingsError(_fault("AUTH_BOOTSTRAP_ADMIN_PASSWORD_FILE cannot be read")) from None
        except ValidationError as error:
            name = "PASSWORD_FILE" if error.errors(include_input=False)[0]["loc"] == ("password",) else "EMAIL"
            raise SettingsError(_fault(f"AUTH_BOOTSTRAP_ADMIN_{name} does not hold what it must")) from None
        except ValidationFailed as error:
            reason = (error.data or {})["errors"][0]["msg"]
            raise SettingsError(_fault(f"AUTH_BOOTSTRAP_ADMIN_PASSWORD_FILE: {reason}")) from None
        except EmailTaken:
            raise SettingsError(_fault(TAKEN)) from None
        log.warning("bootstrap_done", user_id=str(user.id), next="log in, change the password, remove the settings")


def _first_line(file: Path) -> str:
    with file.open(encoding="utf-8") as lines:
        return lines.readline().rstrip("\r\n")


def _fault(reason: str) -> str:
    return f"The settings are not usable:\n  - {reason}"
