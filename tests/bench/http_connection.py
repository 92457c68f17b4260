"""One connection of an HTTP client with next to nothing around it: a library's would cost more than what is measured."""

import asyncio
from typing import Final, Self

HEADERS: Final = (
    "Host: localhost",
    "ApiIntegrationCode: bench",
    "UserName: bench@example.com",
    "Secret: bench",
    "Content-Type: application/json",
)


class HttpConnection:
    """Sends a request, and waits for its answer, again and again."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, target: str) -> Self:
        """Connect."""
        host, _, port = target.rpartition(":")
        return cls(*await asyncio.open_connection(host, int(port)))

    async def ask(self, verb: str, path: str, body: str = "") -> None:
        """Fail unless the answer is 200."""
        head = "\r\n".join((f"{verb} {path} HTTP/1.1", *HEADERS, f"Content-Length: {len(body)}"))
        self._writer.write(f"{head}\r\n\r\n{body}".encode())
        answer = await self._reader.readuntil(b"\r\n\r\n")
        status, _, headers = answer.decode().casefold().partition("\r\n")
        length = next(line for line in headers.splitlines() if line.startswith("content-length:"))
        content = await self._reader.readexactly(int(length.partition(":")[2]))
        assert " 200 " in status, content
