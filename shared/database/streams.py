"""Streams rows on every database; a stream that is cut short raises instead of ending early."""

from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncResult, AsyncSession


class StreamingSession(AsyncSession):
    """A session that closes its streams when it ends: reading on raises, on every database."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._streams: list[AsyncResult[Any]] = []

    async def stream(self, *arguments: Any, **options: Any) -> AsyncResult[Any]:
        """Like SQLAlchemy's: with `yield_per` in memory a chunk at a time; without it, objects are fetched all at once.

        In a read session on PostgreSQL, the first stream begins a transaction, which ends with the session.
        """
        if not self._streams:
            await self._prepare()
        result = await super().stream(*arguments, **options)
        self._streams.append(result)
        return result

    async def end_streams(self) -> None:
        for one in self._streams:
            await one.close()
        self._streams.clear()

    async def _prepare(self) -> None:
        bind = self.get_bind()
        dialect = bind.dialect.name
        if dialect == "postgresql" and bind.get_execution_options().get("is_reading"):
            # A cursor needs a transaction. The commit is only formal: each statement has been committed already.
            await self.commit()
            await self.connection(execution_options={"isolation_level": "READ COMMITTED"})
        if dialect == "mysql":
            event.listen(self.sync_session, "do_orm_execute", self._refuse_beside_a_stream)
            event.listen(self.sync_session, "before_flush", self._refuse_beside_a_stream)

    def _refuse_beside_a_stream(self, *_: Any) -> None:
        # The driver would drop the remaining rows, which looks like the end of the stream.
        if any(_has_more(one) for one in self._streams):
            raise InvalidRequestError(
                "MariaDB answers one question at a time on a connection: read the stream to its end first, "
                "or ask in a session of its own, `async with database.read() as session`"
            )


def _has_more(result: AsyncResult[Any]) -> bool:
    rows: Any = result._real_result  # noqa: SLF001 - `closed` is False for what was read to its end
    return not getattr(rows, "raw", rows)._soft_closed  # noqa: SLF001 - as above
