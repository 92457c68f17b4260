"""A service that dies at a step of our choice, see `dying.py`, and is started again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness.service_process import SERVING, ServiceProcess

PROGRAM = "tests.system.dying"


class Mortal:
    """A process that may be told to die while it answers one method."""

    def __init__(self, process: ServiceProcess, package: str, method: str, folder: Path) -> None:
        self._process = process
        self._program = (PROGRAM, package, method)
        self._file = folder / "fatal_step"

    def restart(self) -> None:
        """Start it again, whether or not it has died, and return when it is ready for calls."""
        self._process.kill()
        self._process.launch(*self._program, str(self._file))
        self._process.wait_until(SERVING)

    @contextmanager
    def dying_at(self, step: int) -> Iterator[None]:
        """Inside the block, this step of the method is fatal."""
        self._file.write_text(str(step))
        try:
            yield
        finally:
            self._file.unlink()
