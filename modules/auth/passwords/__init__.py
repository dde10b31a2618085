"""Changing, recovering, checking and storing passwords."""
