"""What the gateway lends to each vendor's dialect."""

from dataclasses import dataclass

from starlette.requests import Request

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
