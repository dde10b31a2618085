"""The shortest way to rows, for the one question that every request asks."""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any

from sqlalchemy import Connection, Engine, Select
from sqlalchemy.exc import DBAPIError

from shared.database.waits import is_over_time


class PreparedQuery:
    """A SELECT that is compiled once; running it leaves out what SQLAlchemy does anew for each execution.

    Its parameters are `bindparam`s with one value each, its columns have names of their own. Rows are named tuples.
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
        """Within a greenlet of SQLAlchemy. Raises what `Connection.execute` raises."""
        try:
            return self._on_a_connection(values)
        except self._engine.dialect.loaded_dbapi.Error as error:
            self._raise_if_over_time(error)
            return self._with_all_care(values)

    def within(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Any]:
        """The same on a connection that is in a transaction."""
        try:
            with closing(connection.connection.cursor()) as cursor:
                return self.on(cursor, values)
        except self._engine.dialect.loaded_dbapi.Error as error:
            self._raise_if_over_time(error)
            return connection.execute(self._statement, values).all()

    def on(self, cursor: Any, values: Mapping[str, Any]) -> Sequence[Any]:
        """With a cursor of PEP 249."""
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
        except BaseException:  # cancelled, perhaps: what comes back on this connection later must not reach anybody
            connection.invalidate()
            raise
        finally:
            connection.close()
        return rows

    def _bound(self, values: Mapping[str, Any]) -> Sequence[Any]:
        values = {**self._constants, **values}
        return [process(values[name]) for name, process in self._parameters]

    def _raise_if_over_time(self, error: Exception) -> None:
        """To ask once more would be to wait once more."""
        if is_over_time(error):
            of_driver = self._engine.dialect.loaded_dbapi.Error
            raise DBAPIError.instance(self._sql, None, error, of_driver, hide_parameters=True) from error

    def _with_all_care(self, values: Mapping[str, Any]) -> Sequence[Any]:
        """What failed is done again the ordinary way: that knows which errors mean that the database is away."""
        with self._engine.connect() as connection:
            return connection.execute(self._statement, values).all()


def _named_tuple(fields: Sequence[str]) -> Callable[..., Any]:
    return namedtuple("Row", fields)  # noqa: PYI024 - which columns there are is known at run time


def _as_it_is(value: Any) -> Any:
    return value
