"""Permissions, the roles that hold them, and the users who hold those."""
