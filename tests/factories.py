"""Test data."""

from itertools import count

from faker import Faker
from polyfactory import Use
from polyfactory.factories.pydantic_factory import ModelFactory

from modules.auth.schemas import RegisterRequest
from modules.users import UserCreate

_numbers = count(1)
_faker = Faker()


def _email() -> str:
    return f"person{next(_numbers)}@example.com"


def _password() -> str:
    # Only letters and digits that no name, address or service contains.
    return _faker.password(length=24, special_chars=False)


class RegisterRequestFactory(ModelFactory[RegisterRequest]):
    email = Use(_email)
    password = Use(_password)
    nickname = None
    locale = None


class UserCreateFactory(ModelFactory[UserCreate]):
    email = Use(_email)
    nickname = Use(_faker.first_name)
    locale = "en"
