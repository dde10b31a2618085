"""Moved to `shared.context`. This path stays until version 0.3."""

from shared.context import *  # noqa: F403 - all that modules use
