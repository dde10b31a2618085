"""The code that all modules share: a file for each noun, and a package for each larger subject.

Modules use the names in a package's `__all__`. `assembly` and `middleware` are for the project alone.
"""
