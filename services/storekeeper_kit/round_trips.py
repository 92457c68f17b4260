"""Several statements as one round trip, sent in one piece."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection, Pipeline
from psycopg.generators import send


@contextmanager
def round_trip(connection: Connection[Any]) -> Iterator[None]:
    """Statements that are executed inside are sent together at the end; their cursors have results from then on.

    As `connection.pipeline()`, which sends each statement by itself and looks for answers in between: with half a dozen of
    them that was a third of what a small transaction cost us, and the server was woken for each.
    """
    with connection.lock:
        assert connection._pipeline is None, "round trips are not nested"  # noqa: SLF001
        pipeline = connection._pipeline = _InOnePiece(connection)  # noqa: SLF001
    try:
        with pipeline:
            yield
    finally:
        with connection.lock:
            connection._pipeline = None  # noqa: SLF001


class _InOnePiece(Pipeline):
    """The driver's pipeline, but for when it talks to the server."""

    def _communicate_gen(self) -> Generator[Any, Any, None]:
        """Leave what is queued in the send buffer of libpq."""
        while self.command_queue:
            self.command_queue.popleft()()
        yield from ()

    def _exit_gen(self) -> Generator[Any, Any, None]:
        self._enqueue_sync()
        yield from self._communicate_gen()
        yield from send(self.pgconn)
        yield from self._fetch_gen(flush=False)
