"""The options of the command line."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """The length and number of the measurements. `quick` only shows that everything works: its figures mean nothing."""

    rounds: int = 5
    seconds: float = 8.0
    connections: int = 16
    quick: bool = False

    def scaled(self, full: int, quick: int) -> int:
        """A number of rows, requests or modules."""
        return quick if self.quick else full
