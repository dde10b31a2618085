"""What happened to accounts and roles."""
