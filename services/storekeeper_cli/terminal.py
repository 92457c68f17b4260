"""What a person sees. Lines are never wrapped: they are there to be copied, and may be as long as they are."""

import contextlib

from rich.console import Console
from rich.text import Text

from storekeeper_cli.logs import is_loud, readable


class Terminal:
    """The place for everything that ``up`` says. Losing it, as when the window is closed, must not keep it from working."""

    def __init__(self, *, all_logs: bool) -> None:
        self._console = _Console(highlight=False, soft_wrap=True, emoji=False, markup=False)
        self._all_logs = all_logs

    def say(self, text: str = "", style: str = "") -> None:
        """Print a line of our own."""
        with contextlib.suppress(OSError):
            self._console.print(Text(text, style))

    def report(self, text: str) -> None:
        """Print what a person should know."""
        self.say(text, "bold yellow")

    def show(self, program: str, line: str) -> None:
        """Print a program's line if it should be seen: always if it is an alarm, otherwise if logs were asked for."""
        if self._all_logs or is_loud(line):
            self.say(f"{program:<20}{readable(line)}", "yellow" if is_loud(line) else "dim")


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Fall silent instead of ending the program: whoever read us has gone, and there is still something to stop."""
        self.quiet = True
