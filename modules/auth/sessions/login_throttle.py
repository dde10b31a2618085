"""The limits on logins, counted by the client's address and by the account, whether it exists or not."""

from dataclasses import dataclass

from limits import parse_many

from modules.auth.errors import InvalidCredentials
from modules.auth.settings import Settings
from shared.http import client_key
from shared.throttle import Attempt, Count, Throttle, ended_in

# One row of the audit trail in five minutes is enough; each refused try would be one otherwise.
ONE_NOTICE = tuple(parse_many("1/5 minutes"))


@dataclass(slots=True, kw_only=True)
class LoginThrottle:
    throttle: Throttle
    settings: Settings

    def attempt(self, account: str) -> Attempt:
        """A login attempt, counted before the password is hashed: a burst gets no more tries than a sequence.

        Only a wrong password counts as a failure of this address and of this account.

        Raises:
            TooManyRequests: When the block is entered, if this address or this account has used its tries.
        """
        settings, address, failed = self.settings, client_key(), ended_in(InvalidCredentials)
        return self.throttle.attempt(
            Count(settings.login_limit_per_address, "login", address),
            Count(settings.login_failure_limit_per_address, "login_failure", address, stands=failed),
            Count(settings.login_failure_limit_per_account, "login_account", account, stands=failed),
        )

    def notice(self, account: str) -> Attempt:
        """For recording a lockout; raises TooManyRequests if one of this account was recorded recently."""
        return self.throttle.attempt(Count(ONE_NOTICE, "lockout_notice", account))

    async def forgive(self, account: str) -> None:
        """Clear the failures of the account, after its owner has logged in."""
        await self.throttle.clear(self.settings.login_failure_limit_per_account, "login_account", account)
