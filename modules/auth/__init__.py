"""Proving who is calling. Other modules need nothing from here: the caller reaches them as `shared.access.Caller`."""

__all__: list[str] = []
