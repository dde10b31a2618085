"""Keeps Alembic from copying computed columns when it rebuilds a table of SQLite, which refuses their values."""

from alembic.operations.batch import ApplyBatchImpl

_transfer = ApplyBatchImpl._transfer_elements_to_new_table  # noqa: SLF001 - Alembic offers no hook


def _transfer_all_but_computed(self: ApplyBatchImpl) -> None:
    _transfer(self)
    for name, column in self.columns.items():
        if column.computed is not None:
            self.column_transfers.pop(name, None)


def copy_no_computed_values() -> None:
    """Patch Alembic in this process."""
    ApplyBatchImpl._transfer_elements_to_new_table = _transfer_all_but_computed  # type: ignore[method-assign]  # noqa: SLF001 - the same
