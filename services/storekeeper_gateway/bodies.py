"""Reads the body of a request, within bounds: so many bytes, packed or not, and JSON so deep and no deeper."""

import zlib
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request

from storekeeper_kit.json_text import load_json

NESTING_MAX: Final = 20
GZIP: Final = 16 + zlib.MAX_WBITS


class BadBody(Exception):
    """The body can't be read; the text is for the client."""


class BodyTooLong(Exception):
    """The body is longer than the gateway reads."""


async def read_body(request: Request, bytes_max: int) -> bytes:
    """The whole body, unpacked."""
    body = await _received(request, bytes_max)
    encoding = request.headers.get("content-encoding", "identity").strip().casefold()
    if encoding in {"", "identity"}:
        return body
    if encoding != "gzip":
        raise BadBody(f"The content encoding {encoding[:50]!r} is not supported, only gzip.")
    return _unpacked(body, bytes_max)


def read_json(body: bytes | str) -> Any:
    """The value that a JSON text means."""
    try:
        value = load_json(body)
        _check(value, NESTING_MAX)
    except UnicodeEncodeError:
        raise BadBody("The JSON is not acceptable: a text contains half a character.") from None
    except ValueError as error:
        raise BadBody(f"The JSON is not acceptable: {error}.") from None
    return value


async def _received(request: Request, bytes_max: int) -> bytes:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > bytes_max:
                raise BodyTooLong
    except ClientDisconnect:
        # Nobody hears this any more; but it is no defect of ours.
        raise BadBody("The body is cut short.") from None
    return bytes(body)


def _unpacked(packed: bytes, bytes_max: int) -> bytes:
    unpacker = zlib.decompressobj(GZIP)
    try:
        body = unpacker.decompress(packed, bytes_max + 1)
    except zlib.error:
        raise BadBody("The body is not gzip, though its content encoding says so.") from None
    if len(body) > bytes_max:
        raise BodyTooLong
    if not unpacker.eof:
        raise BadBody("The body is cut short.")
    if unpacker.unused_data:
        raise BadBody("The body goes on after the end of what is packed.")
    return body


def _check(value: object, left: int) -> None:
    """Refuses what goes too deep, and text that no other program could read."""
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, dict | list):
        if not left:
            raise ValueError(f"it is nested deeper than {NESTING_MAX}")
        for part in (*value, *value.values()) if isinstance(value, dict) else value:
            _check(part, left - 1)
