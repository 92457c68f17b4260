"""What clients did, each in a diary of its own that survives them: durable before they go on.

A line is a JSON array: when (nanoseconds on the machine's monotonic clock), what, and more. A client asks for one thing at
a time, so its diary alternates between `invoke` and what came of it: `ok`, `fail` (refused) or `info` (nobody knows).
"""

import json
import os
import time
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from google.protobuf.message import Message

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from tests.harness.asking import METHODS, Answer, Request


class Diary:
    """Where one client writes down what it does."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def invoke(self, request: Request) -> None:
        """It is about to ask for this."""
        self._write("invoke", request.DESCRIPTOR.name, _text(request))

    def learn(self, answer: Answer) -> None:
        """It has got this."""
        if answer.accepted:
            self._write("ok", _text(answer.response), answer.replayed)
        elif answer.failure and answer.known:
            bad_fields = [violation.field for violation in answer.failure.violations]
            self._write("fail", answer.failure.reason, dict(answer.failure.metadata), bad_fields)
        else:
            self._write("info", answer.reason)

    def close(self) -> None:
        """It asks no more."""
        os.close(self._file)

    def _write(self, *line: object) -> None:
        os.write(self._file, json.dumps([time.monotonic_ns(), *line]).encode() + b"\n")
        os.fdatasync(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(slots=True)
class Call:
    """A request, from when it was first asked for until somebody knew what became of it."""

    client: str
    request: Request
    begun: int
    last_begun: int
    """When it was asked for the last time; what came of that is what its client knows."""
    ended: int | None = None
    """None: nobody ever knew."""
    attempts: int = 1
    response: Any = None
    replayed: bool = False
    reason: str = ""
    """Why it was refused; empty when it was not."""
    metadata: dict[str, str] = field(default_factory=dict)
    bad_fields: tuple[str, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether it was carried out, as its client was told."""
        return self.response is not None


def read_history(folder: Path) -> list[Call]:
    """What all clients did whose diaries are in this folder, in the order in which they began."""
    calls = [call for file in sorted(folder.glob("*.diary")) for call in _calls(file.stem, _lines(file))]
    return sorted(calls, key=lambda call: call.begun)


def _lines(file: Path) -> Iterator[list[Any]]:
    for line in file.read_bytes().splitlines(keepends=True):
        # The last one may be torn.
        if line.endswith(b"\n"):
            yield json.loads(line)


def _calls(client: str, lines: Iterable[list[Any]]) -> Iterator[Call]:
    call: Call | None = None
    for at, what, *told in lines:
        if what == "invoke":
            request = _message(_REQUESTS[told[0]], told[1])
            if call and call.request == request:
                call.attempts += 1
                call.last_begun = at
                continue
            if call:
                yield call
            call = Call(client, request, at, at)
            continue
        assert call, "what a client learns, it has asked for"
        if what == "info":
            continue
        call.ended = at
        if what == "ok":
            call.response, call.replayed = _message(_RESPONSES[call.request.DESCRIPTOR.name], told[0]), told[1]
        else:
            call.reason, call.metadata, call.bad_fields = told[0], told[1], tuple(told[2])
        yield call
        call = None
    if call:
        yield call


_SERVICE = pb.DESCRIPTOR.services_by_name["StockLedger"]
_REQUESTS = {name: getattr(pb, name) for name in METHODS}
_RESPONSES = {name: getattr(pb, _SERVICE.methods_by_name[method].output_type.name) for name, method in METHODS.items()}


def _text(message: Message) -> str:
    return b64encode(message.SerializeToString(deterministic=True)).decode()


def _message(kind: type[Message], text: str) -> Message:
    return kind.FromString(b64decode(text))
