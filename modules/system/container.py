from dependency_injector import containers, providers

from modules.system.services import ReadinessService
from shared.container import SharedContainer, given


class Container(containers.DeclarativeContainer):
    shared = given(SharedContainer)

    readiness_service = providers.Singleton(
        ReadinessService,
        database=shared.database,
        read_migrations=shared.read_migrations,
        shutdown=shared.shutdown,
        minimum_free_bytes=shared.settings.provided.sqlite_minimum_free_bytes,
    )
