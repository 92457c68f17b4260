"""What has to be remembered from one start to the next: the port, and the password of every role."""

import json
import os
import random
import secrets
import socket
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
# Below the ports that the system gives to outgoing connections (from 32768 on), so that none of those sits on ours at
# the moment when PostgreSQL is started again.
PORTS = range(20000, 32000)
PORT_ATTEMPTS_MAX = 100


class Keys:
    """A file that only its owner can read. It is on disk before anything depends on what is in it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def password(self, role: str) -> str:
        """The password of a role, made up at the first question."""
        content = self._read()
        passwords: dict[str, str] = content.setdefault("passwords", {})
        if role not in passwords:
            passwords[role] = secrets.token_urlsafe(24)
            self._write(content)
        return passwords[role]

    def port(self) -> int:
        """The port of the last start."""
        return int(self._read()["port"])

    def settle_port(self) -> None:
        """Keep the port of the last start if it is free, or remember another that is."""
        content = self._read()
        if "port" not in content or not _is_free(content["port"]):
            self._write(content | {"port": _free_port()})

    def _read(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self._path.read_text()))
        except FileNotFoundError:
            return {}

    def _write(self, content: dict[str, Any]) -> None:
        # Complete or not there at all: renamed into place only once it is on disk.
        draft = self._path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(content, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(self._path)


def _free_port() -> int:
    for _ in range(PORT_ATTEMPTS_MAX):
        if _is_free(port := random.choice(PORTS)):
            return port
    raise OSError(f"No free port found between {PORTS.start} and {PORTS.stop - 1}.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As PostgreSQL does it: connections of an earlier server that are still closing do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen()
        except OSError:
            return False
    return True
