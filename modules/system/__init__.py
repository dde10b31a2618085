"""The state of the service. Other modules import nothing from here."""

__all__: list[str] = []
