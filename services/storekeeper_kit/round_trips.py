"""Several statements as one round trip: each is prepared once, all are sent in one piece and answered in one piece.

What the driver does for a statement before it is sent, and after it is answered, took a third of what a small transaction
cost us. This speaks the same protocol through the driver's binding of libpq, and leaves what comes back to its adapters.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from types import TracebackType
from typing import Any, Final, NoReturn, Self
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
    """What a statement is answered: there when its round trip is over."""

    def __init__(self, transformer: Transformer) -> None:
        self._transformer = transformer
        self._result: PGresult

    def take(self, result: PGresult) -> None:
        """This is it."""
        self._result = result

    def rows(self) -> list[Row]:
        """All of its rows."""
        self._transformer.set_pgresult(self._result)
        return self._transformer.load_rows(0, self._result.ntuples, tuple)


class RoundTrip:
    """Takes statements within a `with` block, and sends them together at its end.

    Raises what the first one was refused for; of those after it nothing has happened. After an error within the block
    nothing is sent. On a connection that the driver may roll back, nothing stays prepared: `prepares` is False.
    """

    def __init__(self, connection: Connection[Any], *, prepares: bool = True, when_sent: Point | None = None) -> None:
        """`when_sent` is reached when all is on its way, and nobody knows what comes of it."""
        self._connection = connection
        self._when_sent = when_sent
        self._prepares = prepares
        self._transformer: Transformer = adapt.Transformer(connection)
        self._sent: list[tuple[Statement, list[bytes | None], Result]] = []

    def execute(self, statement: Statement, **parameters: object) -> Result:
        """Have it executed, after those before it. There may be more parameters than it has."""
        result = Result(self._transformer)
        self._sent.append((statement, [_text(parameters[name]) for name in statement.parameters], result))
        return result

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._travel()

    def _travel(self) -> None:
        new = self._new()
        answers = self._exchange(new)
        if new:
            prepared = (name for name, answer in zip(new, answers, strict=False) if _succeeded(answer))
            _prepared.setdefault(self._connection, set()).update(prepared)
        for answer in answers:
            if not _succeeded(answer):
                self._refuse(errors.error_from_result(answer))
        for (_, _, result), answer in zip(self._sent, answers[len(new) :], strict=True):
            result.take(answer)

    def _new(self) -> Mapping[bytes, bytes]:
        """The texts of statements that are to be prepared first, by name."""
        if not self._prepares:
            return {}
        known: Collection[bytes] = _prepared.get(self._connection, ())
        return {statement.name: statement.text for statement, _, _ in self._sent if statement.name not in known}

    def _refuse(self, error: errors.Error) -> NoReturn:
        if isinstance(error, _OUTDATED):
            self._connection.close()
        raise error

    def _exchange(self, new: Mapping[bytes, bytes]) -> Sequence[PGresult]:
        """The answers to the preparation of those that are new, and to all of them."""
        connection = self._connection
        pgconn = connection.pgconn
        try:
            pgconn.enter_pipeline_mode()
            for name, text in new.items():
                pgconn.send_prepare(name, text)
            for statement, parameters, _ in self._sent:
                if self._prepares:
                    pgconn.send_query_prepared(statement.name, parameters)
                else:
                    pgconn.send_query_params(statement.text, parameters)
            pgconn.pipeline_sync()
            waiting = _answers(pgconn, len(new) + len(self._sent), self._when_sent)
            answers = connection.wait(waiting, timeout=ANSWER_TIMEOUT_S)
            pgconn.exit_pipeline_mode()
        except BaseException:
            # Nobody knows what is still on its way.
            connection.close()
            raise
        return answers


def _answers(pgconn: PGconn, count: int, when_sent: Point | None) -> PQGen[list[PGresult]]:
    """Send what is queued, and take so many answers, and the end of them."""
    yield from generators.send(pgconn)
    if when_sent:
        reach(when_sent)
    answers: list[PGresult] = []
    for _ in range(count):
        answers += yield from generators.fetch_many(pgconn)
    yield from generators.fetch_many(pgconn)
    return answers


def _succeeded(answer: PGresult) -> bool:
    return answer.status in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)


def _text(value: object) -> bytes | None:
    if isinstance(value, bytes):
        return b"\\x" + value.hex().encode()
    if value is None:
        return None
    encoded = str(value).encode()
    assert b"\0" not in encoded, "a text would end there"
    return encoded
