"""Proving that an e-mail address is one's own, and changing it."""
