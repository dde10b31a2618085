"""How often a login may be tried: counted by the client's address and by the account, whether it exists or not."""

from limits import parse_many

from modules.auth.settings import Settings
from shared.client import client_key
from shared.errors import TooManyRequests
from shared.throttle import Throttle

# Every refused try would be a row of the audit trail; one in five minutes says the same.
ONE_NOTICE = tuple(parse_many("1/5 minutes"))


class LoginThrottle:
    def __init__(self, throttle: Throttle, settings: Settings) -> None:
        self._throttle = throttle
        self._settings = settings

    async def admit(self, account: str) -> None:
        """Take a try before the password is hashed; a burst of requests gets no more tries than one after another.

        It is one of the failures, of this address and of this account, until something else is known of it.

        Raises:
            TooManyRequests: This address, or this account, has had its tries for now.
        """
        settings, address = self._settings, client_key()
        await self._throttle.reserve(settings.login_limit_per_address, "login", address)
        await self._throttle.reserve(settings.login_failure_limit_per_address, "login_failure", address)
        try:
            await self._throttle.reserve(settings.login_failure_limit_per_account, "login_account", account)
        except TooManyRequests:
            await self._give_address_back()
            raise

    async def withdraw(self, account: str) -> None:
        """Nobody had the time to look at the password: this try was none."""
        await self._give_address_back()
        await self._throttle.give_back(self._settings.login_failure_limit_per_account, "login_account", account)

    async def note_success(self, account: str) -> None:
        await self._give_address_back()
        await self.forgive(account)

    async def forgive(self, account: str) -> None:
        """The account's owner has shown up: what was tried before counts no longer."""
        await self._throttle.clear(self._settings.login_failure_limit_per_account, "login_account", account)

    async def is_worth_a_notice(self, account: str) -> bool:
        """Whether a lockout of this account has not been told lately."""
        try:
            await self._throttle.reserve(ONE_NOTICE, "lockout_notice", account)
        except TooManyRequests:
            return False
        return True

    async def _give_address_back(self) -> None:
        await self._throttle.give_back(self._settings.login_failure_limit_per_address, "login_failure", client_key())
