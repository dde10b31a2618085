"""Logging in and out, the tokens, and who is calling."""
