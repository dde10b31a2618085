from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection

from modules.auth.accounts.invitations import InvitationService
from modules.auth.accounts.registration import RegistrationService
from modules.auth.addresses.service import EmailAddressService
from modules.auth.audit.reader import AuditReader
from modules.auth.container import Container
from modules.auth.passwords.recovery import PasswordRecovery
from modules.auth.passwords.service import PasswordService
from modules.auth.roles.caller import CallerService
from modules.auth.roles.permissions import DeclaredPermissions
from modules.auth.roles.service import RoleService
from modules.auth.sessions.login import LoginService
from modules.auth.sessions.revocation import SessionRevocation
from modules.auth.sessions.service import SessionService
from shared.container import container_of
from shared.database import Session


async def _login(connection: HTTPConnection) -> LoginService:
    return container_of(connection, Container).login_service()


async def _registration(connection: HTTPConnection) -> RegistrationService:
    return container_of(connection, Container).registration_service()


async def _sessions(connection: HTTPConnection) -> SessionService:
    return container_of(connection, Container).session_service()


async def _passwords(connection: HTTPConnection) -> PasswordService:
    return container_of(connection, Container).password_service()


async def _recovery(connection: HTTPConnection) -> PasswordRecovery:
    return container_of(connection, Container).password_recovery()


async def _emails(connection: HTTPConnection) -> EmailAddressService:
    return container_of(connection, Container).email_address_service()


async def _caller_access(connection: HTTPConnection) -> CallerService:
    return container_of(connection, Container).caller_service()


async def _permissions(connection: HTTPConnection) -> DeclaredPermissions:
    return container_of(connection, Container).permissions()


async def _roles(connection: HTTPConnection, session: Session) -> RoleService:
    container = container_of(connection, Container)
    return container.role_service(session, users=container.users.user_service(session))


async def _revocation(connection: HTTPConnection, session: Session) -> SessionRevocation:
    return container_of(connection, Container).revocation(session)


async def _invitations(connection: HTTPConnection, session: Session) -> InvitationService:
    return container_of(connection, Container).invitation_service(session)


async def _audit(connection: HTTPConnection, session: Session) -> AuditReader:
    return container_of(connection, Container).audit_reader(session)


Login = Annotated[LoginService, Depends(_login)]
Registration = Annotated[RegistrationService, Depends(_registration)]
Sessions = Annotated[SessionService, Depends(_sessions)]
Passwords = Annotated[PasswordService, Depends(_passwords)]
Recovery = Annotated[PasswordRecovery, Depends(_recovery)]
Emails = Annotated[EmailAddressService, Depends(_emails)]
CallerAccess = Annotated[CallerService, Depends(_caller_access)]
Permissions = Annotated[DeclaredPermissions, Depends(_permissions)]
Roles = Annotated[RoleService, Depends(_roles)]
Revocation = Annotated[SessionRevocation, Depends(_revocation)]
Invitations = Annotated[InvitationService, Depends(_invitations)]
Audit = Annotated[AuditReader, Depends(_audit)]
