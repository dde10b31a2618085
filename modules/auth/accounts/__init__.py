"""Making accounts, and administrators of them."""
