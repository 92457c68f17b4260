"""Where a server listens: on this machine only, as long as callers are believed."""

import ipaddress
import os
import socket

from storekeeper_kit.config import ConfigurationError, SharedSettings, variable

PORT_MAX = 65535
BACKLOG = 1024


class CannotListen(Exception):
    """The address is taken, or isn't ours."""


def require_loopback(settings: type[SharedSettings], listen: str) -> None:
    """Callers are believed as long as no tokens are configured, so they must be on this machine."""
    host, _, port = listen.rpartition(":")
    if not port.isdecimal() or int(port) > PORT_MAX or not _is_loopback(host.strip("[]")):
        name = variable(settings, "listen")
        raise ConfigurationError(
            [f"{name}: {listen} is no loopback address like 127.0.0.1:50052, and others need tokens"]
        )


def bind(listen: str) -> tuple[socket.socket, str]:
    """A socket that listens there, and the address that it got: port 0 takes a free one."""
    host, _, port = listen.rpartition(":")
    try:
        where = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(where[-1], family=where[0], backlog=BACKLOG)
    except OSError as error:
        raise CannotListen(f"can't listen on {listen}: {os.strerror(error.errno or 0)}") from error
    return listener, f"{host}:{listener.getsockname()[1]}"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
