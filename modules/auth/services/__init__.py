"""The use cases of auth, one file each."""
