from collections.abc import Iterator

from dependency_injector import containers, providers

from modules.auth.passwords import PasswordHasher
from modules.auth.services.authentication import SessionAuthenticator
from modules.auth.services.login import LoginService
from modules.auth.services.policy import PasswordPolicy
from modules.auth.services.registration import RegistrationService
from modules.auth.services.sessions import SessionService
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

    session_service = providers.Singleton(
        SessionService,
        shared.database,
        access_tokens=access_tokens,
        refresh_tokens=refresh_tokens,
        settings=settings,
        clock=shared.clock,
    )
    login_service = providers.Singleton(LoginService, shared.database, hasher=hasher, sessions=session_service)
    registration_service = providers.Singleton(
        RegistrationService,
        shared.database,
        users=users.user_service.provider,
        hasher=hasher,
        policy=policy,
        settings=settings,
        clock=shared.clock,
    )
    authenticator = providers.Singleton(
        SessionAuthenticator,
        shared.database,
        access_tokens=access_tokens,
        permissions=shared.permissions,
        clock=shared.clock,
    )
