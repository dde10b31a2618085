"""Creating accounts, and making them administrators."""
