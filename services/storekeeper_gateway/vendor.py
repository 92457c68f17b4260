"""A vendor's dialect, as the gateway asks it, and what the gateway lends to each."""

from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from .backends import Backends


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """The services behind it, and its bounds."""

    backends: Backends
    timeout_s: float
    body_bytes_max: int
    public_url: str | None

    def base_url(self, request: Request) -> str:
        """How the client reaches the gateway, without a slash at the end."""
        return self.public_url or str(request.base_url).rstrip("/")


class Dialect(Protocol):
    """One vendor's API, as the gateway speaks it."""

    @property
    def name(self) -> str:
        """What the log calls it."""

    @property
    def prefix(self) -> str:
        """The first part of all its addresses, in lower case."""

    async def answer(self, request: Request, segments: tuple[str, ...], gateway: Gateway) -> Response:
        """The answer to a request below the prefix. `segments` are the rest of its address, in lower case."""

    def refuse(self, status: int, sentence: str) -> Response:
        """How the vendor's clients are told what is wrong."""
