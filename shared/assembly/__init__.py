"""Puts the application together. Only `bootstrap.py` and `migrations/` import it."""
