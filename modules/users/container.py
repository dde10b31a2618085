from dependency_injector import containers, providers

from modules.users.services import UserService


class Container(containers.DeclarativeContainer):
    shared = providers.DependenciesContainer()

    user_service = providers.Factory(UserService, events=shared.events, clock=shared.clock, paginator=shared.paginator)
