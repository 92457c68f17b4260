"""What a person sees: a bar on a terminal, lines elsewhere; and each row that is wrong, as soon as it is found."""

import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from .findings import Finding

BETWEEN_LINES_S: Final = 10.0
"""How often it is said how far it is, where there is no bar."""


class Showing:
    """Is told how it goes, and shows it."""

    def __init__(self) -> None:
        # Lines are there to be copied, and may be as long as they are.
        self._console = Console(highlight=False, emoji=False, markup=False, soft_wrap=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._progress.add_task("Looking for tenants", total=None)
        self._total = self._done = self._step = 0.0
        self._begun = self._told = time.monotonic()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin(self, work: float) -> None:
        """Know how much is to be done."""
        self._total = work
        self._progress.update(self._task, total=work)

    def step(self, subject: str, work: float) -> None:
        """Say what is looked at from now on."""
        self._done += self._step
        self._step = work
        self._progress.update(self._task, description=subject, completed=self._done)
        if not self._console.is_terminal and time.monotonic() - self._told > BETWEEN_LINES_S:
            self._told = time.monotonic()
            self._console.print(f"{self._done / self._total:4.0%}  {subject}")

    def advance(self, work: float) -> None:
        """Move the bar."""
        self._progress.advance(self._task, work)

    def found(self, tenant_id: int, finding: Finding) -> None:
        """Show what is wrong, and go on."""
        self._console.print(f"Tenant {tenant_id}: {finding}", style="bold red")

    def end(self, *, tenants: int, movements: int, findings: int) -> None:
        """Say what came of it."""
        self._progress.stop()
        seconds = time.monotonic() - self._begun
        seen = f"{_counted(tenants, 'tenant')} with {_counted(movements, 'movement')} in {seconds:.0f} s"
        if findings:
            self._console.print(
                f"Not all is right: looked at {seen}, and {_counted(findings, 'check')} failed.", style="bold red"
            )
        else:
            self._console.print(f"All is right: looked at {seen}.", style="green")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
