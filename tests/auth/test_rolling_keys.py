"""The key is changed while two processes run on one database, restarted one after the other: nobody is logged out."""

import pytest

from shared.testing.applications import SECRET
from shared.testing.envelope import assert_failure, data_of
from shared.testing.mailbox import Mailbox
from tests.auth.recovery import reset, reset_token
from tests.auth.test_key_ring import me, refresh
from tests.conftest import MakeApp, client_of, log_in, make_admin, sign_up

NEW = "the-next-key-of-these-tests-9Bd3Xk7Wq2Rv5Zt"
STEPS = [(SECRET, f"{SECRET},{NEW}"), (f"{SECRET},{NEW}", f"{NEW},{SECRET}"), (f"{NEW},{SECRET}", NEW)]


@pytest.mark.parametrize("rings", STEPS)
async def test_item_31_what_one_process_hands_out_the_other_takes_at_each_step(
    make_app: MakeApp, mailbox: Mailbox, rings: tuple[str, str]
) -> None:
    first, second = (make_app(jwt_secret_key=ring, smtp_url=mailbox.url) for ring in rings)
    for here, there in ((first, second), (second, first)):
        async with client_of(here) as one, client_of(there) as other:
            user, admin = await sign_up(one), await make_admin(here, one)
            assert data_of(await me(other, user.tokens))["id"] == user.id
            renewed = data_of(await refresh(other, user.tokens))
            assert data_of(await me(one, renewed))["id"] == user.id
            assert data_of(await refresh(one, renewed))
            page = data_of(await one.get("/api/users", params={"limit": 1}, headers=admin.headers))
            following = {"limit": 1, "cursor": page["next_cursor"]}
            assert data_of(await other.get("/api/users", params=following, headers=admin.headers))["items"]
            data_of(await reset(other, await reset_token(one, mailbox, user.email)))


async def test_item_31_a_new_key_that_signs_at_once_is_unknown_to_who_runs_still(make_app: MakeApp) -> None:
    async with client_of(make_app()) as old, client_of(make_app(jwt_secret_key=f"{NEW},{SECRET}")) as new:
        user = await sign_up(old)
        renewed = await log_in(new, user.email, user.password)
        assert_failure(await me(old, renewed), 401, "not_authenticated")
