"""Moved to `shared.database`. This path stays until version 0.3."""

from shared.database import *  # noqa: F403 - all that modules use
