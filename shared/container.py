"""The container that every module's container gets as `shared`, and how routes get objects from a container."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from dependency_injector import providers
from dependency_injector.containers import DeclarativeContainer
from fastapi.requests import HTTPConnection
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.access.authenticator import Authenticator, DenyEveryone
from shared.application import part_of
from shared.background import BackgroundRunner
from shared.clock import utc_now
from shared.database.sessions import Database, Session
from shared.errors import AppError
from shared.events import EventBus
from shared.keys import KeyRing
from shared.mail.mailer import Mailer
from shared.mail.message import sender_address
from shared.mail.senders import ConsoleSender, MailSender, NullMailSender
from shared.mail.smtp import SmtpSender, smtp_server
from shared.module import ModuleError, Permission
from shared.paging.keyset import Paginator
from shared.settings.settings import Settings
from shared.shutdown import Shutdown
from shared.throttle.throttle import Throttle

C = TypeVar("C", bound=DeclarativeContainer)
T = TypeVar("T")

MigrationState = dict[str, str]
"""Each module's branch: `applied`, `pending`, `ahead` of the code, or `incompatible`, which is too far ahead."""

ReadMigrations = Callable[[AsyncEngine], Awaitable[MigrationState]]


def _database(settings: Settings) -> Database:
    address, size = settings.database_url.get_secret_value(), settings.database_pool_size
    return Database(address, pool_size=size, waits=settings.waits)


def _key_ring(settings: Settings) -> KeyRing:
    return KeyRing(settings.secret_keys)


def _mail_sender(settings: Settings) -> MailSender:
    sender = sender_address(settings.mail_from)
    if settings.smtp_url is not None:
        return SmtpSender(smtp_server(settings.smtp_url.get_secret_value()), sender)
    return NullMailSender() if settings.is_production else ConsoleSender(sender)


def _throttle(settings: Settings, keys: KeyRing) -> Throttle:
    return Throttle(settings.throttle_storage.get_secret_value(), keys)


class SharedContainer(DeclarativeContainer):
    """One instance per application: two applications with different settings share nothing."""

    settings = providers.Dependency(instance_of=Settings)
    permissions: providers.Dependency[tuple[Permission, ...]] = providers.Dependency(instance_of=tuple)
    read_migrations: providers.Dependency[ReadMigrations] = providers.Dependency()

    clock = providers.Object(utc_now)
    shutdown = providers.Singleton(Shutdown)
    database = providers.Singleton(_database, settings)
    keys = providers.Singleton(_key_ring, settings)
    events = providers.Singleton(EventBus)
    paginator = providers.Singleton(Paginator, keys)
    throttle = providers.Singleton(_throttle, settings, keys)
    background = providers.Singleton(BackgroundRunner)
    mail_sender = providers.Singleton(_mail_sender, settings)
    mailer = providers.Singleton(Mailer, mail_sender, background)


class Runtime:
    """The application without HTTP, for requests and commands alike."""

    def __init__(self, shared: SharedContainer) -> None:
        self.shared = shared
        self._authenticator: Callable[[], Authenticator] | None = None
        self.denials: tuple[type[AppError], ...] = ()
        """The failures that the authenticator may set for routes that require a permission."""
        self._containers: dict[type[DeclarativeContainer], DeclarativeContainer] = {}
        self._providers: dict[providers.Provider[Any], providers.Provider[Any]] = {}
        self._take_providers(SharedContainer, shared)

    def add(self, declared: type[DeclarativeContainer], container: DeclarativeContainer) -> None:
        """Add a module's container. One that provides `authenticator` authenticates all callers from now on."""
        self._containers[declared] = container
        self._take_providers(declared, container)
        if (provider := container.providers.get("authenticator")) is not None:
            if self._authenticator is not None:
                raise ModuleError(f"{declared.__module__} provides an authenticator, and another module does already")
            self._authenticator = provider
            self.denials = tuple(getattr(getattr(provider, "provides", None), "denials", ()))

    def _take_providers(self, declared: type[DeclarativeContainer], container: DeclarativeContainer) -> None:
        self._providers |= {declared.providers[name]: provider for name, provider in container.providers.items()}

    @property
    def parts(self) -> dict[type[Any], Callable[[], Any]]:
        """The parts that `part_of` finds."""
        shared = self.shared
        return {
            Runtime: lambda: self,
            Database: shared.database,
            Paginator: shared.paginator,
            Throttle: shared.throttle,
            Shutdown: shared.shutdown,
        }

    @property
    def authenticator(self) -> Authenticator:
        """Looked up at each request, since a part of it may be overridden until it is first used."""
        return DenyEveryone() if self._authenticator is None else self._authenticator()

    def of(self, container: type[C]) -> C:
        """This runtime's instance of a module's container."""
        if container not in self._containers:
            raise ModuleError(f"{container.__module__} belongs to a module that DISABLED_MODULES switches off")
        return cast("C", self._containers[container])

    def provider(self, declared: providers.Provider[T]) -> providers.Provider[T]:
        """This runtime's instance of a provider such as `Container.note_service`."""
        if declared not in self._providers:
            raise ModuleError(f"{declared} belongs to a module that DISABLED_MODULES switches off, or to no container")
        return self._providers[declared]

    async def close(self) -> None:
        """Let background work finish, then shut down: the modules' resources in reverse order, and the database."""
        await self.shared.background().close(within=self.shared.shutdown().seconds_left())
        for container in reversed(self._containers.values()):
            if (closing := container.shutdown_resources()) is not None:
                await closing
        await self.shared.throttle().close()
        await self.shared.database().close()


def container_of(connection: HTTPConnection, container: type[C]) -> C:
    """The running application's instance of a module's container; for the module's `dependencies.py`."""
    return part_of(connection.app, Runtime).of(container)


def given(container: type[C]) -> type[C]:  # noqa: ARG001 - only the type checker reads it
    """A container that a module's container gets from outside: `shared`, or a required module's under its name.

    For the type checker it is that container; until the application is built it is a placeholder.
    """
    return cast("type[C]", providers.DependenciesContainer())


def provided(provider: providers.Provider[T]) -> Callable[..., Awaitable[T]]:
    """A FastAPI dependency that returns a provider's object: `Depends(provided(Container.note_service))`.

    A parameter `session` gets the session of the request.

    Raises:
        ModuleError: The container has no argument for another parameter.
    """
    missing = _left_open(provider)
    if others := sorted(missing - {"session"}):
        raise ModuleError(f"the container gives {_built(provider).__name__} no {' and no '.join(others)}")

    async def build(connection: HTTPConnection) -> T:
        return part_of(connection.app, Runtime).provider(provider)()

    async def build_with_session(connection: HTTPConnection, session: Session) -> T:
        return part_of(connection.app, Runtime).provider(provider)(session=session)

    return build_with_session if missing else build


def _left_open(provider: providers.Provider[Any]) -> set[str]:
    """The parameters without a default for which the container has no argument."""
    if not isinstance(provider, providers.Factory | providers.BaseSingleton):
        return set()
    signature = inspect.signature(_built(provider))
    bound = signature.bind_partial(*provider.args, **provider.kwargs).arguments
    return {name for name, one in signature.parameters.items() if name not in bound and one.default is one.empty}


def _built(provider: Any) -> Callable[..., Any]:
    return cast("Callable[..., Any]", provider.provides)


def unusable(state: MigrationState) -> list[str]:
    """The modules whose schema keeps the service from working. A schema that is merely `ahead` does not."""
    return sorted(name for name, status in state.items() if status in {"pending", "incompatible"})
