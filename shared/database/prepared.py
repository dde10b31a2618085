"""A fast path to rows, for the query that every request runs."""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any

from sqlalchemy import Connection, Engine, Select
from sqlalchemy.exc import DBAPIError

from shared.database.waits import is_over_time


class PreparedQuery:
    """A SELECT that is compiled once, and runs without the work that SQLAlchemy repeats for each execution.

    Its parameters are `bindparam`s with one value each, its columns have different names. Rows are named tuples.
    """

    def __init__(self, statement: Select[Any], engine: Engine) -> None:
        dialect = engine.dialect
        compiled = statement.compile(dialect=dialect)
        self._statement, self._engine = statement, engine
        self._sql = str(compiled)
        self._parameters = [
            (name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect) or _as_it_is)
            for name in compiled.positiontup or ()
        ]
        self._constants = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        columns = statement.selected_columns
        self._from_database = [
            column.type.dialect_impl(dialect).result_processor(dialect, None) or _as_it_is for column in columns
        ]
        self._row = _named_tuple(columns.keys())

    def __call__(self, values: Mapping[str, Any]) -> Sequence[Any]:
        """Run it, within a greenlet of SQLAlchemy. Raises the exceptions of `Connection.execute`."""
        try:
            return self._on_a_connection(values)
        except self._engine.dialect.loaded_dbapi.Error as error:
            self._raise_if_over_time(error)
            return self._retry(values)

    def within(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Any]:
        """Run it on a connection that is in a transaction."""
        try:
            with closing(connection.connection.cursor()) as cursor:
                return self.on(cursor, values)
        except self._engine.dialect.loaded_dbapi.Error as error:
            self._raise_if_over_time(error)
            return connection.execute(self._statement, values).all()

    def on(self, cursor: Any, values: Mapping[str, Any]) -> Sequence[Any]:
        """Run it with a cursor of PEP 249."""
        self._engine.dialect.do_execute(cursor, self._sql, self._bound(values))
        return [
            self._row(*[process(value) for process, value in zip(self._from_database, row, strict=True)])
            for row in cursor.fetchall()
        ]

    def _on_a_connection(self, values: Mapping[str, Any]) -> Sequence[Any]:
        connection = self._engine.raw_connection()
        try:
            cursor = connection.cursor()
            rows = self.on(cursor, values)
            cursor.close()
        except BaseException:  # cancelled, perhaps: a late answer must not reach the connection's next user
            connection.invalidate()
            raise
        finally:
            connection.close()
        return rows

    def _bound(self, values: Mapping[str, Any]) -> Sequence[Any]:
        values = {**self._constants, **values}
        return [process(values[name]) for name, process in self._parameters]

    def _raise_if_over_time(self, error: Exception) -> None:
        """Raise instead of a retry, which would wait as long again."""
        if is_over_time(error):
            of_driver = self._engine.dialect.loaded_dbapi.Error
            raise DBAPIError.instance(self._sql, None, error, of_driver, hide_parameters=True) from error

    def _retry(self, values: Mapping[str, Any]) -> Sequence[Any]:
        """Retry through SQLAlchemy, which recognises a lost connection."""
        with self._engine.connect() as connection:
            return connection.execute(self._statement, values).all()


def _named_tuple(fields: Sequence[str]) -> Callable[..., Any]:
    return namedtuple("Row", fields)  # noqa: PYI024 - which columns there are is known at run time


def _as_it_is(value: Any) -> Any:
    return value
