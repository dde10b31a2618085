"""Users and their profiles. Other modules may use the names that are listed here."""

from modules.users.container import Container as UsersContainer
from modules.users.emails import Email, email_key
from modules.users.errors import EmailTaken, LastAdmin, OwnEmail, UserNotFound, UserOutOfReach
from modules.users.events import (
    UserAboutToChange,
    UserActivated,
    UserChanged,
    UserCreated,
    UserDeactivated,
    UserDeleted,
    UserEmailCorrected,
    UserInvited,
)
from modules.users.models import User
from modules.users.profile import Profile, profile_columns
from modules.users.schemas import Nickname, UserCreate, UserRead
from modules.users.services import UserService, UserServiceFactory

__all__ = [
    "Email",
    "EmailTaken",
    "LastAdmin",
    "Nickname",
    "OwnEmail",
    "Profile",
    "User",
    "UserAboutToChange",
    "UserActivated",
    "UserChanged",
    "UserCreate",
    "UserCreated",
    "UserDeactivated",
    "UserDeleted",
    "UserEmailCorrected",
    "UserInvited",
    "UserNotFound",
    "UserOutOfReach",
    "UserRead",
    "UserService",
    "UserServiceFactory",
    "UsersContainer",
    "email_key",
    "profile_columns",
]
