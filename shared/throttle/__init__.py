"""Limits on tries, counted by client or account."""

from shared.throttle.throttle import Attempt, Count, RateLimits, Throttle, ended_in, rate_limits, succeeded

__all__ = [
    "Attempt",
    "Count",
    "RateLimits",
    "Throttle",
    "ended_in",
    "rate_limits",
    "succeeded",
]
