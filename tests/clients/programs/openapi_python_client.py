import os
from uuid import uuid4

from client import AuthenticatedClient, Client
from client.api.auth import get_my_access, login_user, logout_user, register_user
from client.api.users import get_me, list_users, update_me
from client.models import (
    CallerReadResponse,
    EmptyResponse,
    InvalidCredentialsFailure,
    InvalidCredentialsFailureCode,
    LoginRequest,
    RegisterRequest,
    RegisterRequestLocaleType0,
    TokenPairResponse,
    UserDetailPageResponse,
    UserReadResponse,
    UserUpdate,
)
from client.types import UNSET, Unset

BASE, ADMIN, PASSWORD = (os.environ[name] for name in ("BASE", "ADMIN", "PASSWORD"))
EMAIL = f"{uuid4()}@example.com"
anybody = Client(base_url=BASE)


def log_in(email: str) -> AuthenticatedClient:
    answer = login_user.sync(client=anybody, body=LoginRequest(email=email, password=PASSWORD))
    assert isinstance(answer, TokenPairResponse)
    return AuthenticatedClient(base_url=BASE, token=answer.data.access_token)


body = RegisterRequest(email=EMAIL, password=PASSWORD, locale=RegisterRequestLocaleType0.ZH)
made = register_user.sync(client=anybody, body=body)
assert isinstance(made, UserReadResponse)
assert made.data.email == EMAIL

user = log_in(EMAIL)
me = get_me.sync(client=user)
assert isinstance(me, UserReadResponse)
assert me.data.id == made.data.id
assert UserUpdate(nickname="Ada").to_dict() == {"nickname": "Ada"}
patched = update_me.sync(client=user, body=UserUpdate(nickname="Ada"))
assert isinstance(patched, UserReadResponse)
assert patched.data.nickname == "Ada"
access = get_my_access.sync(client=user)
assert isinstance(access, CallerReadResponse)
assert access.data.locale == "zh"

admin, seen = log_in(ADMIN), set()
cursor: str | Unset | None = UNSET
while cursor is not None:
    page = list_users.sync(client=admin, limit=1, cursor=cursor)
    assert isinstance(page, UserDetailPageResponse)
    seen |= {one.id for one in page.data.items}
    cursor = page.data.next_cursor
assert made.data.id in seen
assert len(seen) > 1

refused = login_user.sync(client=anybody, body=LoginRequest(email=EMAIL, password="wrong"))
assert isinstance(refused, InvalidCredentialsFailure)
assert refused.code is InvalidCredentialsFailureCode.INVALID_CREDENTIALS

logged_out = logout_user.sync(client=user)
assert isinstance(logged_out, EmptyResponse)
assert logged_out.data is None
