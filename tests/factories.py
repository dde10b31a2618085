"""Test data."""

from itertools import count

from faker import Faker
from polyfactory import Use
from polyfactory.factories.pydantic_factory import ModelFactory

from modules.auth.testing import RegisterRequestFactory
from modules.users import UserCreate

__all__ = ["RegisterRequestFactory", "UserCreateFactory"]

_numbers = count(1)
_faker = Faker()


class UserCreateFactory(ModelFactory[UserCreate]):
    email = Use(lambda: f"user{next(_numbers)}@example.com")
    nickname = Use(_faker.first_name)
    locale = "en"
