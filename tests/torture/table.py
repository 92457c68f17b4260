"""Shows what came of the figures as one table."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tests.torture.figure import Result


def show(console: Console, results: Sequence[Result], *, seed: int, seconds: float) -> None:
    """Print the table, what was violated, and how to take a figure again."""
    table = Table(box=SIMPLE_HEAD, title=f"Seed {seed}, {seconds / 60:.0f} minutes", title_justify="left")
    for heading in ("", "Promise", "What was done", "Violations", "Verdict"):
        table.add_column(heading, justify="right" if heading == "Violations" else "left")
    for result in results:
        verdict = "[red bold]violated[/]" if result.violations else "[green]held[/]"
        table.add_row(result.figure.name, result.figure.promise, _done(result), str(len(result.violations)), verdict)
        table.add_section()
    console.print(table)
    for result in results:
        for violation in result.violations:
            console.print(f"{result.figure.name}: {violation}", markup=False, highlight=False, soft_wrap=True)
            console.print(f'Again: make torture ARGS="--seed {seed} --only {result.figure.name}"\n', highlight=False)


def _done(result: Result) -> str:
    counts = [f"{count:,} {what}" for what, count in result.stage.counts.items()]
    return "\n".join([*counts, *(f"[dim]{remark}[/]" for remark in result.stage.remarks)])
