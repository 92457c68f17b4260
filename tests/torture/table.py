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
            console.print(f"{result.figure.name}: {violation.traceback}", markup=False, highlight=False, soft_wrap=True)
            again = f"--seed {violation.seed} --only {result.figure.name}"
            console.print(f'Again: make torture ARGS="{again}"\n', markup=False, highlight=False)


def _done(result: Result) -> str:
    counts = [f"{count:,} {what}" for what, count in result.stage.counts.items()]
    measured = [f"{_spread(seconds)} {what}" for what, seconds in result.stage.seconds.items()]
    return "\n".join([*counts, *(f"[dim]{remark}[/]" for remark in [*measured, *result.stage.remarks])])


def _spread(seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    return f"{ordered[len(ordered) // 2]:.1f} s (p99 {ordered[len(ordered) * 99 // 100]:.1f} s)"
