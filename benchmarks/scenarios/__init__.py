"""One file for each scenario, with `run(options)`."""
