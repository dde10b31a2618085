from dependency_injector import containers, providers

from modules.system.services import ReadinessService


class Container(containers.DeclarativeContainer):
    shared = providers.DependenciesContainer()

    readiness_service = providers.Singleton(
        ReadinessService,
        shared.database,
        shared.read_migrations,
        shared.shutdown,
        minimum_free_bytes=shared.settings.provided.sqlite_minimum_free_bytes,
    )
