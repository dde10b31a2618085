"""The audit trail of accounts and roles."""
