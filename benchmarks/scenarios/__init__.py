"""One file a scenario, each with `run(options)`."""
