import os
from uuid import uuid4

from client import ApiClient, AuthApi, Configuration, LoginRequest, RegisterRequest, UsersApi, UserUpdate
from client.exceptions import UnauthorizedException
from client.models.invalid_credentials_failure import InvalidCredentialsFailure

BASE, ADMIN, PASSWORD = (os.environ[name] for name in ("BASE", "ADMIN", "PASSWORD"))
EMAIL = f"{uuid4()}@example.com"
anybody = AuthApi(ApiClient(Configuration(host=BASE)))


def log_in(email: str, password: str) -> ApiClient:
    tokens = anybody.login_user(LoginRequest(email=email, password=password)).data
    return ApiClient(Configuration(host=BASE, access_token=tokens.access_token))


made = anybody.register_user(RegisterRequest(email=EMAIL, password=PASSWORD, locale="zh")).data
assert made.email == EMAIL

user = log_in(EMAIL, PASSWORD)
assert UsersApi(user).get_me().data.id == made.id
assert UserUpdate(nickname="Ada").to_dict() == {"nickname": "Ada"}
assert UsersApi(user).update_me(UserUpdate(nickname="Ada")).data.nickname == "Ada"
assert AuthApi(user).get_my_access().data.locale == "zh"

users, seen, cursor = UsersApi(log_in(ADMIN, PASSWORD)), set(), None
while True:
    page = users.list_users(limit=1, cursor=cursor).data
    seen |= {one.id for one in page.items}
    if (cursor := page.next_cursor) is None:
        break
assert made.id in seen
assert len(seen) > 1

refused = None
try:
    log_in(EMAIL, "wrong")
except UnauthorizedException as error:
    refused = error.data
assert isinstance(refused, InvalidCredentialsFailure)
assert refused.code == "invalid_credentials"

assert AuthApi(user).logout_user().data is None
