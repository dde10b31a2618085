"""The layers around every request, a file for each. `shared/assembly/layers.py` has their order."""
