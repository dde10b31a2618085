"""Moved to `shared.paging`. This path stays until version 0.3."""

from shared.paging import *  # noqa: F403 - all that modules use
