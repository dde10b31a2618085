"""Programs that run in a process of their own and print their measurements as JSON."""
