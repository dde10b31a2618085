"""One folder a module; a folder with a `module.py` is enough to be found."""
