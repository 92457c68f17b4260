"""A program to run beside us, described once for everyone who starts it: as whom, with what, and how it is told to end."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from storekeeper_cli import launch
from storekeeper_cli.account import Account


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. It gets a session of its own, so that Ctrl-C in the terminal reaches only us."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    account: Account | None = None
    # Paths that the account has to read; launch.py says what happens when it cannot.
    reach: tuple[Path, ...] = ()
    # Asks it to end in good order.
    stop_signal: signal.Signals = signal.SIGTERM
    # What the kernel sends it when we end without having stopped it.
    death_signal: signal.Signals = signal.SIGKILL

    def argv(self) -> list[str]:
        """The command behind the launcher. The kernel watches the thread that starts it: start it from the main one."""
        arguments = [f"--parent={os.getpid()}", f"--death-signal={int(self.death_signal)}"]
        if self.account is not None:
            arguments += [f"--uid={self.account.uid}", f"--gid={self.account.gid}"]
            arguments += [f"--reach={path}" for path in self.reach]
        return [sys.executable, "-I", "-S", launch.__file__, *arguments, "--", *self.command]

    def start(self, output: IO[bytes] | int) -> subprocess.Popen[bytes]:
        """Start it with both its outputs going to ``output``."""
        return subprocess.Popen(
            self.argv(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=self.environment,
            start_new_session=True,
        )
