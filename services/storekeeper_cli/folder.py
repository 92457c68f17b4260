"""The folder that ``storekeeper up`` keeps its things in: the data of PostgreSQL, logs, and a lock."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storekeeper_cli.problem import Problem


class Folder:
    """Made on first use, and used by one ``up`` at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.postgres = path / "postgres"
        self.logs = path / "logs"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder. The system lets go of it when we end, however we end, so a lock is never left behind."""
        try:
            self._make()
            lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise Problem(f"{self.path} cannot be used: {error.strerror}. Choose another with --folder.") from None
        try:
            self._take(lock)
            yield
        finally:
            os.close(lock)

    def _make(self) -> None:
        self.logs.mkdir(parents=True, exist_ok=True)
        # It holds passwords and data, and somebody may well start us inside a repository.
        (self.path / ".gitignore").write_text("*\n")

    def _take(self, lock: int) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 20, 0).decode().strip() or "unknown"
            raise Problem(f"Another storekeeper up, process {holder}, is using {self.path}.") from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
