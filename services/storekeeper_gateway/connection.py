"""A client's connection, within bounds: the head of a request is so long, has so many lines, and comes in time.

uvicorn leaves all of that to the client. A body has a bound of its own, where it is read.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX: Final = 131_072
HEADERS_MAX: Final = 100
HEAD_TIMEOUT_S: Final = 10.0


class TooManyHeaders(Exception):
    """A request has more headers than anybody needs."""


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's protocol, which closes a connection that breaks a bound."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._unused_bytes = 0
        self._header_count = 0
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Waits for the first request's head."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits no longer."""
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Counts what has become part of neither a whole head nor a body: what follows a body is bounded as well."""
        self._unused_bytes += len(data)
        super().data_received(data)
        if self._unused_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.send_400_response(f"The head of a request has more than {HEAD_BYTES_MAX} bytes.")

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._header_count = 0
        self._expect_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """One more header."""
        self._header_count += 1
        if self._header_count > HEADERS_MAX:
            # The parser makes a bad request of it.
            raise TooManyHeaders
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._unused_bytes = 0
        self._head_came()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._unused_bytes = 0
        super().on_body(body)

    def _expect_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._give_up)

    def _head_came(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self.transport.close()
