"""Confirming and changing e-mail addresses."""
