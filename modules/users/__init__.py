"""Who exists. Other modules may use what is listed here."""

from modules.users.emails import Email, email_key
from modules.users.errors import EmailTaken, UserNotFound
from modules.users.events import UserActivated, UserCreated, UserDeactivated
from modules.users.models import User
from modules.users.schemas import Nickname, UserCreate, UserRead
from modules.users.services import UserService

__all__ = [
    "Email",
    "EmailTaken",
    "Nickname",
    "User",
    "UserActivated",
    "UserCreate",
    "UserCreated",
    "UserDeactivated",
    "UserNotFound",
    "UserRead",
    "UserService",
    "email_key",
]
