"""How the service is doing. It has nothing that other modules could use."""

__all__: list[str] = []
