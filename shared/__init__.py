"""What every module uses. Nothing here imports a module."""
