from dependency_injector import containers, providers

from modules.users.services import UserService
from modules.users.settings import Settings
from shared.container import SharedContainer, given


class Container(containers.DeclarativeContainer):
    shared = given(SharedContainer)
    settings = providers.Dependency(instance_of=Settings)

    user_service = providers.Factory(
        UserService, events=shared.events, clock=shared.clock, paginator=shared.paginator, settings=settings
    )
