"""Several statements as one round trip: each is prepared once, all are sent in one piece and answered in one piece.

What the driver does for a statement before it is sent, and after it is answered, took a third of what a small transaction
cost us. This speaks the same protocol through the driver's binding of libpq, and leaves what comes back to its adapters.
"""

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from hashlib import sha256
from types import TracebackType
from typing import Any, Final, Self
from weakref import WeakKeyDictionary

from psycopg import Connection, adapt, errors, generators
from psycopg.abc import PQGen, Transformer
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from storekeeper_kit.failpoints import Point, reach

Row = tuple[Any, ...]

_PARAMETER: Final = re.compile(r"%\((\w+)\)s")

ANSWER_TIMEOUT_S: Final = 20.0
"""How long the answers to a round trip may take. PostgreSQL ends a transaction of ours sooner, if it is well itself."""

_OUTDATED: Final = (
    errors.InvalidSqlStatementName,
    errors.DuplicatePreparedStatement,
    errors.FeatureNotSupported,
)
"""What a connection has prepared is no longer what we think: a pooler has changed its server for another one, or a migration
has changed the type of what a statement answers."""

_prepared: "Final[WeakKeyDictionary[Connection[Any], set[bytes]]]" = WeakKeyDictionary()
"""The names of the statements that a connection knows."""


class Statement:
    """SQL with parameters by name: `%(name)s`.

    They travel as text without NUL, and PostgreSQL finds out what type each has; where it can't, the statement casts it.
    """

    def __init__(self, text: str) -> None:
        numbers: dict[str, int] = {}
        numbered = _PARAMETER.sub(lambda found: f"${numbers.setdefault(found[1], len(numbers) + 1)}", text)
        self.sql: Final = text
        self.text: Final = numbered.encode()
        self.name: Final = sha256(self.text).hexdigest()[:16].encode()
        self.parameters: Final = tuple(numbers)


BEGIN: Final = Statement("BEGIN")
COMMIT: Final = Statement("COMMIT")
ROLLBACK: Final = Statement("ROLLBACK")
"""Unlike the driver's own, which lets the connection forget all that was prepared."""


class Result:
    """What a statement is answered: there when its round trip is over, or as soon as it comes for who asks for that."""

    def __init__(self, transformer: Transformer) -> None:
        self._transformer = transformer
        self._result: PGresult
        self._then: Callable[[Result], None] | None = None

    def then(self, read: "Callable[[Result], None]") -> None:
        """Have it read as soon as it is there, while the server is busy with the statements after it.

        Whether these will succeed is open by then. Nothing is read any more after a statement that has failed, or a
        reading that has; what that raises is raised at the end of the round trip.
        """
        assert not self._then, "it is read once"
        self._then = read

    def take(self, result: PGresult) -> None:
        """This is it."""
        self._result = result
        if self._then:
            self._then(self)

    def rows(self) -> list[Row]:
        """All of its rows."""
        self._transformer.set_pgresult(self._result)
        return self._transformer.load_rows(0, self._result.ntuples, tuple)


class RoundTrip:
    """Takes statements within a `with` block, and sends them together at its end, but for those that are sent ahead.

    Raises what the first one was refused for, of those after it nothing has happened; or what the first reading of an answer
    raised (`Result.then`). After an error within the block
    nothing more is sent. On a connection that the driver may roll back, nothing stays prepared: `prepares` is False.
    """

    def __init__(self, connection: Connection[Any], *, prepares: bool = True, when_sent: Point | None = None) -> None:
        """`when_sent` is reached when all is on its way, and nobody knows what comes of it."""
        self._connection = connection
        self._when_sent = when_sent
        self._prepares = prepares
        self._transformer: Transformer = adapt.Transformer(connection)
        self._taken: list[tuple[Statement, list[bytes | None], Result]] = []
        """What is not on its way yet."""
        self._awaited: list[bytes | Result | None] = []
        """What is, in its order: the names of statements that are prepared, the results of those that are executed, and None
        where a part ends."""
        self._error: Exception | None = None
        self._is_outdated = False

    def execute(self, statement: Statement, **parameters: object) -> Result:
        """Have it executed, after those before it. There may be more parameters than it has."""
        result = Result(self._transformer)
        self._taken.append((statement, [_text(parameters[name]) for name in statement.parameters], result))
        return result

    def send_ahead(self) -> None:
        """Send what was taken so far already, for the server to begin with. It is answered with the rest.

        There is a transaction under way, which a refusal in one part ends for all of them. From here on the connection is
        only good for that: who gives it up before the end has to close it.
        """
        with self._closing_after_errors() as pgconn:
            self._queue(pgconn)
            # Without it no timeout of the server watches a transaction whose next part never comes.
            pgconn.pipeline_sync()
            self._awaited.append(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._travel()
        elif self._awaited:
            self._connection.close()

    def _travel(self) -> None:
        with self._closing_after_errors() as pgconn:
            self._queue(pgconn)
            pgconn.pipeline_sync()
            self._connection.wait(self._exchange(pgconn), timeout=ANSWER_TIMEOUT_S)
            pgconn.exit_pipeline_mode()
        error, self._error = self._error, None
        if self._is_outdated:
            self._connection.close()
        try:
            if error:
                raise error
        finally:
            # It would keep itself, and all that was read, by this frame.
            del error

    def _exchange(self, pgconn: PGconn) -> PQGen[None]:
        """Send what is queued, and take the answers to all that is awaited, and the end of them."""
        yield from generators.send(pgconn)
        if self._when_sent:
            reach(self._when_sent)
        for awaited in self._awaited:
            [answer] = yield from generators.fetch_many(pgconn)
            self._take(awaited, answer)
        yield from generators.fetch_many(pgconn)

    def _take(self, awaited: bytes | Result | None, answer: PGresult) -> None:
        """Take one answer in. The first error stands for all: nothing after it has happened, or can be told."""
        if not _succeeded(answer):
            refusal = errors.error_from_result(answer)
            self._is_outdated = self._is_outdated or isinstance(refusal, _OUTDATED)
            self._error = self._error or refusal
        elif isinstance(awaited, bytes):
            _prepared.setdefault(self._connection, set()).add(awaited)
        elif awaited and not self._error:
            try:
                awaited.take(answer)
            except Exception as error:  # noqa: BLE001 - whatever it is, the other answers have to be taken first
                self._error = error

    def _queue(self, pgconn: PGconn) -> None:
        """Line up what is not on its way yet."""
        pgconn.enter_pipeline_mode()
        known: Collection[bytes] = _prepared.get(self._connection, ())
        for statement, parameters, result in self._taken:
            if not self._prepares:
                pgconn.send_query_params(statement.text, parameters)
            else:
                if statement.name not in known and statement.name not in self._awaited:
                    pgconn.send_prepare(statement.name, statement.text)
                    self._awaited.append(statement.name)
                pgconn.send_query_prepared(statement.name, parameters)
            self._awaited.append(result)
        self._taken.clear()

    @contextmanager
    def _closing_after_errors(self) -> Iterator[PGconn]:
        try:
            yield self._connection.pgconn
        except BaseException:
            # Nobody knows what is still on its way.
            self._connection.close()
            self._error = None
            raise


def _succeeded(answer: PGresult) -> bool:
    return answer.status in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK, ExecStatus.PIPELINE_SYNC)


def _text(value: object) -> bytes | None:
    if isinstance(value, bytes):
        return b"\\x" + value.hex().encode()
    if value is None:
        return None
    encoded = str(value).encode()
    assert b"\0" not in encoded, "a text would end there"
    return encoded
