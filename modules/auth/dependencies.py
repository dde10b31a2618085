from typing import Annotated

from fastapi import Depends

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
from modules.auth.sessions.tokens import AccessTokens
from shared.container import provided

Login = Annotated[LoginService, Depends(provided(Container.login_service))]
Registration = Annotated[RegistrationService, Depends(provided(Container.registration_service))]
Sessions = Annotated[SessionService, Depends(provided(Container.session_service))]
Passwords = Annotated[PasswordService, Depends(provided(Container.password_service))]
Recovery = Annotated[PasswordRecovery, Depends(provided(Container.password_recovery))]
Emails = Annotated[EmailAddressService, Depends(provided(Container.email_address_service))]
CallerAccess = Annotated[CallerService, Depends(provided(Container.caller_service))]
Permissions = Annotated[DeclaredPermissions, Depends(provided(Container.permissions))]
Tokens = Annotated[AccessTokens, Depends(provided(Container.access_tokens))]
Roles = Annotated[RoleService, Depends(provided(Container.role_service))]
Revocation = Annotated[SessionRevocation, Depends(provided(Container.revocation))]
Invitations = Annotated[InvitationService, Depends(provided(Container.invitation_service))]
Audit = Annotated[AuditReader, Depends(provided(Container.audit_reader))]
