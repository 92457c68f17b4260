"""Keeps programs running: starts them in order, starts again what dies, and stops them in the reverse order.

Everything happens in the main thread. The kernel ends our programs with the *thread* that started them, so this has to
be one that lives as long as we do; and with a single thread nothing here needs a lock.

    start ──> ready ──> ended ──> (a pause that grows) ──> start ...          until stop()
    stop signal ──> (a bound) ──> death signal ──> (a shorter bound) ──> SIGKILL
"""

import asyncio
import contextlib
import functools
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from storekeeper_cli.logs import LogFile, readable
from storekeeper_cli.problem import Problem
from storekeeper_cli.program import Program
from storekeeper_cli.stopping import on_request_to_stop

READY_TIMEOUT_S = 120.0
READY_INTERVAL_S = 0.05
# The pause before each attempt to start a program again; the last one is repeated.
RESTART_PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0)
# Who ran this long has recovered, and starts at the first pause again.
STABLE_AFTER_S = 30.0
# Everything ends within five seconds. The program that was started first is needed by the rest, so it is stopped last,
# and the rest leaves it this much of the time.
STOP_TIMEOUT_S = 4.0
STOP_FIRST_TIMEOUT_S = 1.5
DEATH_TIMEOUT_S = 0.4
CHUNK_SIZE = 65536

Ready = Callable[[], Awaitable[bool]]
Report = Callable[[str], None]
Show = Callable[[str, str], None]


async def supervise(work: "Callable[[Supervisor], Awaitable[None]]", *, logs: Path, report: Report, show: Show) -> None:
    """Do the work, which starts programs; keep them running until we are asked to stop; stop them.

    ``report`` is told what a person should know, ``show`` is given every line that a program writes.
    """
    supervisor = Supervisor(logs, report=report, show=show)
    task = asyncio.create_task(_work_and_keep(work, supervisor))
    on_request_to_stop(functools.partial(_interrupt, task, supervisor))
    try:
        await task
    except asyncio.CancelledError:
        report("Stopping ...")
    finally:
        await supervisor.stop()


async def _work_and_keep(work: "Callable[[Supervisor], Awaitable[None]]", supervisor: "Supervisor") -> None:
    await work(supervisor)
    await supervisor.keep()


def _interrupt(task: asyncio.Task[None], supervisor: "Supervisor") -> None:
    # Whoever asks a second time does not want to wait for the good order.
    if not task.cancel():
        supervisor.kill()


class Supervisor:
    """The programs, in the order of their start."""

    def __init__(self, logs: Path, *, report: Report, show: Show) -> None:
        self._logs = logs
        self._report = report
        self._show = show
        self._children: list[Child] = []
        self._keepers: list[asyncio.Task[None]] = []
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self._reap)

    async def start(self, program: Program, ready: Ready) -> None:
        """Start the program and return when it is ready; keep it running from then on."""
        child = self._begin(program)
        await self._become_ready(child, ready)
        self._keepers.append(asyncio.create_task(self._keep(child, ready)))

    async def run(self, program: Program) -> None:
        """Run the program once, to its end."""
        child = self._begin(program)
        await child.ended.wait()
        self._children.remove(child)
        child.log.close()
        if child.exit_code != 0:
            raise Problem(child.obituary())

    async def keep(self) -> None:
        """Wait for as long as everything is kept running, which is until this is cancelled."""
        await asyncio.gather(*self._keepers)

    async def stop(self) -> None:
        """Stop everything, the last one first. It takes less than five seconds."""
        for keeper in self._keepers:
            keeper.cancel()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for child in reversed(self._children):
            is_first = child is self._children[0]
            await self._stop(child, deadline if is_first else deadline - STOP_FIRST_TIMEOUT_S)

    def kill(self) -> None:
        """Stop waiting: tell everything to die now. ``stop()`` then sees to it that it did."""
        for child in self._children:
            child.tell(child.program.death_signal)

    def _begin(self, program: Program) -> "Child":
        child = Child(program, self._logs / f"{program.name}.log", self._show)
        self._children.append(child)
        child.start()
        return child

    async def _become_ready(self, child: "Child", ready: Ready) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        # In this order: who answers may be somebody else, if the child has ended.
        while not await ready() or child.ended.is_set():
            if child.ended.is_set():
                raise Problem(child.obituary())
            if time.monotonic() > deadline:
                raise Problem(
                    f"{child.program.name} was not ready after {READY_TIMEOUT_S:.0f} s; see {child.log.path}."
                )
            await asyncio.sleep(READY_INTERVAL_S)

    async def _keep(self, child: "Child", ready: Ready) -> None:
        attempts = 0
        while True:
            await child.ended.wait()
            attempts = 0 if child.ran_for_s > STABLE_AFTER_S else attempts
            pause_s = RESTART_PAUSES_S[min(attempts, len(RESTART_PAUSES_S) - 1)]
            attempts += 1
            self._report(f"{child.obituary()} It is started again in {pause_s} s.")
            await asyncio.sleep(pause_s)
            child.start()
            with contextlib.suppress(Problem):
                await self._become_ready(child, ready)
                self._report(f"{child.program.name} is back.")

    async def _stop(self, child: "Child", deadline: float) -> None:
        child.tell(child.program.stop_signal)
        if not await child.ends_before(deadline):
            self._report(f"{child.program.name} took too long to stop and was killed.")
            child.tell(child.program.death_signal)
        if not await child.ends_before(time.monotonic() + DEATH_TIMEOUT_S):
            child.tell(signal.SIGKILL)
            await child.ended.wait()
        child.log.close()

    def _reap(self) -> None:
        for child in self._children:
            child.reap()


class Child:
    """One program and the process that runs it at the moment, if one does."""

    def __init__(self, program: Program, log: Path, show: Show) -> None:
        self.program = program
        self.log = LogFile(log)
        self.ended = asyncio.Event()
        self.exit_code: int | None = None
        self.ran_for_s = 0.0
        self._show = show
        self._last_line = ""

    def start(self) -> None:
        """Start a process for it."""
        self._process = self.program.start(subprocess.PIPE)
        self._started = time.monotonic()
        self.ended.clear()
        os.set_blocking(self._output, False)
        asyncio.get_running_loop().add_reader(self._output, self._read)

    def tell(self, number: signal.Signals) -> None:
        """Send a signal to its process, if there is one."""
        if not self.ended.is_set():
            self._process.send_signal(number)

    async def ends_before(self, deadline: float) -> bool:
        """Whether the process ends in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline - time.monotonic()):
                await self.ended.wait()
        return self.ended.is_set()

    def reap(self) -> None:
        """Notice if the process has ended."""
        if self.ended.is_set() or self._process.poll() is None:
            return
        self._read()
        self._close_output()
        self.exit_code = self._process.returncode
        self.ran_for_s = time.monotonic() - self._started
        self.ended.set()

    def obituary(self) -> str:
        """How it ended, and what it said last."""
        assert self.exit_code is not None
        how = signal.Signals(-self.exit_code).name if self.exit_code < 0 else f"exit code {self.exit_code}"
        words = f": {readable(self._last_line)}" if self._last_line and self.exit_code > 0 else "."
        return f"{self.program.name} ended by {how}{words}"

    def _close_output(self) -> None:
        asyncio.get_running_loop().remove_reader(self._output)
        assert self._process.stdout is not None
        self._process.stdout.close()

    @property
    def _output(self) -> int:
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._output, CHUNK_SIZE):
                self._take(chunk)
            # The end of the output: it comes shortly before the end of the process.
            asyncio.get_running_loop().remove_reader(self._output)

    def _take(self, chunk: bytes) -> None:
        for line in self.log.write(chunk):
            self._show(self.program.name, line)
            self._last_line = line or self._last_line
