from collections.abc import Iterator

from dependency_injector import containers, providers

from modules.auth.passwords import PasswordHasher
from modules.auth.services.audit import AuditReader, AuditTrail
from modules.auth.services.authentication import SessionAuthenticator
from modules.auth.services.authority import Authority
from modules.auth.services.bootstrap import BootstrapService
from modules.auth.services.caller import CallerService
from modules.auth.services.emails import EmailService
from modules.auth.services.invitations import InvitationService
from modules.auth.services.login import LoginService
from modules.auth.services.mail_tokens import MailTokens
from modules.auth.services.mails import Mails
from modules.auth.services.passwords import PasswordService
from modules.auth.services.permissions import DeclaredPermissions
from modules.auth.services.policy import PasswordPolicy
from modules.auth.services.promotion import PromotionService
from modules.auth.services.purge import PurgeService
from modules.auth.services.registration import RegistrationService
from modules.auth.services.revocation import SessionRevocation
from modules.auth.services.roles import RoleService
from modules.auth.services.sessions import SessionService
from modules.auth.services.throttling import LoginThrottle
from modules.auth.settings import Settings
from modules.auth.tokens import AccessTokens, RefreshTokens


def _hasher(cost: int, queue: int) -> Iterator[PasswordHasher]:
    hasher = PasswordHasher(cost, queue)
    yield hasher
    hasher.close()


class Container(containers.DeclarativeContainer):
    shared = providers.DependenciesContainer()
    users = providers.DependenciesContainer()
    settings = providers.Dependency(instance_of=Settings)

    hasher = providers.Resource(_hasher, settings.provided.bcrypt_cost, settings.provided.hash_queue)
    policy = providers.Singleton(
        PasswordPolicy, settings.provided.password_min_length, shared.settings.provided.app_name
    )
    access_tokens = providers.Singleton(AccessTokens, shared.keys, settings, shared.clock)
    refresh_tokens = providers.Singleton(RefreshTokens, shared.keys)

    mail_tokens = providers.Singleton(MailTokens, shared.clock)
    mails = providers.Singleton(
        Mails,
        shared.mailer,
        shared.throttle,
        app_name=shared.settings.provided.app_name,
        public_url=shared.settings.provided.public_url,
        limit=settings.provided.mail_limit_per_recipient,
    )
    audit = providers.Singleton(AuditTrail, shared.clock)
    audit_reader = providers.Factory(AuditReader, paginator=shared.paginator)
    login_throttle = providers.Singleton(LoginThrottle, shared.throttle, settings)

    session_service = providers.Singleton(
        SessionService,
        shared.database,
        access_tokens=access_tokens,
        refresh_tokens=refresh_tokens,
        throttle=shared.throttle,
        audit=audit,
        settings=settings,
        clock=shared.clock,
    )
    login_service = providers.Singleton(
        LoginService, shared.database, hasher=hasher, sessions=session_service, throttle=login_throttle, audit=audit
    )
    password_service = providers.Singleton(
        PasswordService,
        shared.database,
        users=users.user_service.provider,
        hasher=hasher,
        policy=policy,
        tokens=mail_tokens,
        mails=mails,
        background=shared.background,
        throttle=shared.throttle,
        login_throttle=login_throttle,
        audit=audit,
        settings=settings,
        clock=shared.clock,
    )
    email_service = providers.Singleton(
        EmailService,
        shared.database,
        users=users.user_service.provider,
        passwords=password_service,
        hasher=hasher,
        tokens=mail_tokens,
        mails=mails,
        throttle=shared.throttle,
        audit=audit,
        settings=settings,
        clock=shared.clock,
    )
    registration_service = providers.Singleton(
        RegistrationService,
        shared.database,
        users=users.user_service.provider,
        hasher=hasher,
        policy=policy,
        emails=email_service,
        throttle=shared.throttle,
        audit=audit,
        settings=settings,
        clock=shared.clock,
    )
    promotion_service = providers.Singleton(
        PromotionService, shared.database, users=users.user_service.provider, audit=audit, clock=shared.clock
    )
    bootstrap_service = providers.Singleton(BootstrapService, registration_service, settings=settings)
    caller_service = providers.Singleton(CallerService, shared.database)
    purge_service = providers.Singleton(PurgeService, shared.database, settings=settings, clock=shared.clock)
    permissions = providers.Singleton(DeclaredPermissions, shared.permissions)
    authority = providers.Singleton(Authority, permissions)
    role_service = providers.Factory(
        RoleService, permissions=permissions, authority=authority, audit=audit, clock=shared.clock
    )
    revocation = providers.Factory(SessionRevocation, authority=authority, audit=audit, clock=shared.clock)
    invitation_service = providers.Factory(
        InvitationService,
        users=users.user_service.provider,
        tokens=mail_tokens,
        mails=mails,
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
