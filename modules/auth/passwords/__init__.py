"""Changing and recovering a password, which ones are good, and how they are stored."""
