"""What has to be remembered from one start to the next: the port, and the password of every role."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

from storekeeper_cli.ports import free_port, is_free


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
        if "port" not in content or not is_free(content["port"]):
            self._write(content | {"port": free_port()})

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
