"""What there is to be allowed, the roles that hold it, and who holds those."""
