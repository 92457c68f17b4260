"""What the demo shows: sentences, requests and answers, tables, and a bar for each stocked item.

What is not a terminal gets plain lines, each as long as it is; what cannot show blocks gets ASCII.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

PLAIN_WIDTH = 100
ZERO = Decimal()


Titles = Mapping[str, JustifyMethod]
"""What is said above each column."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A stocked item, as a picture shows it."""

    stocked_item_id: int
    # Its row; the last one says what is left.
    cells: tuple[str, ...]
    came: Decimal
    left: Decimal


@dataclass(frozen=True, slots=True)
class Marks:
    """The characters of a bar."""

    left: str
    taken: str
    gone: str


BLOCKS = Marks(left="█", taken="▒", gone="·")
ASCII = Marks(left="#", taken="x", gone=".")


class Pictures:
    """The screen, or the file, that the demo is shown on."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, emoji=False, markup=False)
        if not self._console.is_terminal:
            self._console = Console(highlight=False, emoji=False, markup=False, soft_wrap=True, width=PLAIN_WIDTH)
        self._marks = ASCII if self._console.options.ascii_only else BLOCKS

    def say(self, text: str = "", style: str = "") -> None:
        """Show a sentence."""
        self._console.print(Text(text, style))

    def say_as_is(self, text: str, style: str = "") -> None:
        """Show a line to be copied: it is never wrapped."""
        self._console.print(Text(text, style), soft_wrap=True)

    def request(self, path: str, body: str) -> None:
        """Show a request over HTTP."""
        self._console.print(Text.assemble("  POST ", (path, "bold"), "  ", (body, "cyan")), soft_wrap=True)

    def answer(self, status: int, body: str, *, is_good: bool) -> None:
        """Show what came back."""
        self.say_as_is(f"    {status}  {body}", "green" if is_good else "bold yellow")

    def stock(self, titles: Titles, layers: Sequence[Layer]) -> None:
        """Show what there is."""
        table = _table(titles)
        for layer in layers:
            table.add_row(*self._row(layer, ZERO))
        self._show(table)

    def stock_after(self, titles: Titles, layers: Sequence[Layer], taken: Mapping[int, Decimal]) -> None:
        """Show what there is, and what of it was taken just now."""
        table = _table(titles)
        _add_column(table, "Taken now", justify="right")
        for layer in layers:
            quantity = taken.get(layer.stocked_item_id, ZERO)
            table.add_row(*self._row(layer, quantity), Text(str(quantity), "bold yellow" if quantity else "dim"))
        self._show(table)
        marks = self._marks
        self.say(f"{marks.left} left   {marks.taken} taken now   {marks.gone} taken before", "dim")
        self.say()

    def _show(self, table: Table) -> None:
        self.say()
        self._console.print(table)
        self.say()

    def _row(self, layer: Layer, taken: Decimal) -> tuple[str | Text, ...]:
        *cells, left = layer.cells
        bar = self._bar(layer.left, taken, layer.came - layer.left - taken)
        return (*cells, Text(left, "bold"), bar)

    def _bar(self, left: Decimal, taken: Decimal, gone: Decimal) -> Text:
        marks = self._marks
        return Text.assemble(
            (marks.left * int(left), "green"), (marks.taken * int(taken), "yellow"), (marks.gone * int(gone), "dim")
        )


def _table(titles: Titles) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for title, justify in titles.items():
        _add_column(table, title, justify)
    # The only one that gives way on a narrow terminal: it might be wrapped, if a bar had blanks to wrap it at.
    table.add_column("", overflow="crop")
    return table


def _add_column(table: Table, header: str, justify: JustifyMethod = "left") -> None:
    table.add_column(header, justify=justify, min_width=len(header), no_wrap=True)
