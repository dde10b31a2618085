"""What every module uses: ground files with one noun each, and a package for each larger subject.

A package hands on by its `__all__` what modules use of it. `assembly` and `middleware` are for the project alone.
"""
