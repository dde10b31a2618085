"""How often a login may be tried: counted by the client's address and by the account, whether it exists or not."""

from dataclasses import dataclass

from limits import parse_many

from modules.auth.errors import InvalidCredentials
from modules.auth.settings import Settings
from shared.http import client_key
from shared.throttle import Attempt, Count, Throttle, ended_in

# Every refused try would be a row of the audit trail; one in five minutes says the same.
ONE_NOTICE = tuple(parse_many("1/5 minutes"))


@dataclass(slots=True, kw_only=True)
class LoginThrottle:
    throttle: Throttle
    settings: Settings

    def attempt(self, account: str) -> Attempt:
        """A try to log in, taken before the password is hashed: a burst gets no more than one after another.

        Only a wrong password is a failure of this address and of this account.

        Raises:
            TooManyRequests: This address, or this account, has had its tries for now; when the block is entered.
        """
        settings, address, failed = self.settings, client_key(), ended_in(InvalidCredentials)
        return self.throttle.attempt(
            Count(settings.login_limit_per_address, "login", address),
            Count(settings.login_failure_limit_per_address, "login_failure", address, stands=failed),
            Count(settings.login_failure_limit_per_account, "login_account", account, stands=failed),
        )

    def notice(self, account: str) -> Attempt:
        """To tell of a lockout; raises TooManyRequests if that of this account has been told lately."""
        return self.throttle.attempt(Count(ONE_NOTICE, "lockout_notice", account))

    async def forgive(self, account: str) -> None:
        """The account's owner has shown up: what was tried before counts no longer."""
        await self.throttle.clear(self.settings.login_failure_limit_per_account, "login_account", account)
