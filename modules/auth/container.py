from collections.abc import Iterator

from dependency_injector import containers, providers

from modules.auth.accounts.first_administrator import FirstAdministrator
from modules.auth.accounts.invitations import InvitationService
from modules.auth.accounts.promotion import PromotionService
from modules.auth.accounts.registration import RegistrationService
from modules.auth.addresses.service import EmailAddressService
from modules.auth.audit.reader import AuditReader
from modules.auth.audit.trail import AuditTrail
from modules.auth.mail.mailer import AuthMailer
from modules.auth.mail.tokens import MailTokens
from modules.auth.passwords.hashing import PasswordHasher
from modules.auth.passwords.policy import PasswordPolicy
from modules.auth.passwords.recovery import PasswordRecovery
from modules.auth.passwords.service import PasswordService
from modules.auth.purge import PurgeService
from modules.auth.roles.authority import Authority
from modules.auth.roles.caller import CallerService
from modules.auth.roles.permissions import DeclaredPermissions
from modules.auth.roles.service import RoleService
from modules.auth.sessions.authentication import SessionAuthenticator
from modules.auth.sessions.login import LoginService
from modules.auth.sessions.login_throttle import LoginThrottle
from modules.auth.sessions.revocation import SessionRevocation
from modules.auth.sessions.service import SessionService
from modules.auth.sessions.tokens import AccessTokens, RefreshTokens
from modules.auth.settings import Settings
from modules.users import UsersContainer
from shared.container import SharedContainer, given


def _hasher(cost: int, queue: int) -> Iterator[PasswordHasher]:
    hasher = PasswordHasher(cost, queue)
    yield hasher
    hasher.close()


class Container(containers.DeclarativeContainer):
    shared = given(SharedContainer)
    users = given(UsersContainer)
    settings = providers.Dependency(instance_of=Settings)

    hasher = providers.Resource(_hasher, settings.provided.bcrypt_cost, settings.provided.hash_queue)
    policy = providers.Singleton(
        PasswordPolicy, settings.provided.password_min_length, shared.settings.provided.app_name
    )
    access_tokens = providers.Singleton(AccessTokens, shared.keys, settings, shared.clock)
    refresh_tokens = providers.Singleton(RefreshTokens, keys=shared.keys)

    mail_tokens = providers.Singleton(MailTokens, clock=shared.clock)
    mailer = providers.Singleton(
        AuthMailer,
        mailer=shared.mailer,
        throttle=shared.throttle,
        app_name=shared.settings.provided.app_name,
        public_url=shared.settings.provided.public_url,
        limit=settings.provided.mail_limit_per_recipient,
    )
    audit = providers.Singleton(AuditTrail, clock=shared.clock)
    audit_reader = providers.Factory(AuditReader, paginator=shared.paginator)
    login_throttle = providers.Singleton(LoginThrottle, throttle=shared.throttle, settings=settings)

    session_service = providers.Singleton(
        SessionService,
        database=shared.database,
        access_tokens=access_tokens,
        refresh_tokens=refresh_tokens,
        throttle=shared.throttle,
        audit=audit,
        settings=settings,
        clock=shared.clock,
    )
    login_service = providers.Singleton(
        LoginService,
        database=shared.database,
        hasher=hasher,
        sessions=session_service,
        throttle=login_throttle,
        audit=audit,
    )
    password_service = providers.Singleton(
        PasswordService,
        database=shared.database,
        hasher=hasher,
        policy=policy,
        mailer=mailer,
        throttle=shared.throttle,
        audit=audit,
        settings=settings,
        clock=shared.clock,
    )
    password_recovery = providers.Singleton(
        PasswordRecovery,
        database=shared.database,
        users=users.user_service.provider,
        hasher=hasher,
        policy=policy,
        tokens=mail_tokens,
        mailer=mailer,
        background=shared.background,
        throttle=shared.throttle,
        login_throttle=login_throttle,
        audit=audit,
        settings=settings,
        clock=shared.clock,
    )
    email_address_service = providers.Singleton(
        EmailAddressService,
        database=shared.database,
        users=users.user_service.provider,
        passwords=password_service,
        hasher=hasher,
        tokens=mail_tokens,
        mailer=mailer,
        throttle=shared.throttle,
        audit=audit,
        settings=settings,
        clock=shared.clock,
    )
    registration_service = providers.Singleton(
        RegistrationService,
        database=shared.database,
        users=users.user_service.provider,
        hasher=hasher,
        policy=policy,
        emails=email_address_service,
        throttle=shared.throttle,
        audit=audit,
        settings=settings,
        clock=shared.clock,
    )
    promotion_service = providers.Singleton(
        PromotionService, database=shared.database, users=users.user_service.provider, audit=audit, clock=shared.clock
    )
    first_administrator = providers.Singleton(FirstAdministrator, registration=registration_service, settings=settings)
    caller_service = providers.Singleton(CallerService, database=shared.database)
    purge_service = providers.Singleton(PurgeService, database=shared.database, settings=settings, clock=shared.clock)
    permissions = providers.Singleton(DeclaredPermissions, shared.permissions)
    authority = providers.Singleton(Authority, permissions=permissions)
    role_service = providers.Factory(
        RoleService,
        users=users.user_service.provider,
        permissions=permissions,
        authority=authority,
        audit=audit,
        clock=shared.clock,
    )
    revocation = providers.Factory(SessionRevocation, authority=authority, audit=audit, clock=shared.clock)
    invitation_service = providers.Factory(
        InvitationService,
        users=users.user_service.provider,
        tokens=mail_tokens,
        mailer=mailer,
        authority=authority,
        throttle=shared.throttle,
        audit=audit,
        settings=settings,
        clock=shared.clock,
    )
    authenticator = providers.Singleton(
        SessionAuthenticator,
        shared.database,
        access_tokens=access_tokens,
        permissions=permissions,
        clock=shared.clock,
    )
