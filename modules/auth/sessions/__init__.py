"""Logins, sessions, tokens, and the authentication of requests."""
