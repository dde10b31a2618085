"""Moved to `shared.http`. This path stays until version 0.3."""

from shared.http import *  # noqa: F403 - all that modules use
