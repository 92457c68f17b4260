"""What the demo shows: sentences, tables, and a bar for each stocked item.

What is not a terminal gets plain lines, each as long as it is; what cannot show blocks gets ASCII.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal

from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb

PLAIN_WIDTH = 100
ZERO = Decimal()


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

    def stock(self, stocked_items: Sequence[pb.StockedItem]) -> None:
        """Show what there is."""
        table = _table()
        for one in stocked_items:
            table.add_row(*self._row(one, ZERO))
        self._show(table)

    def stock_after(self, stocked_items: Sequence[pb.StockedItem], taken: Mapping[int, Decimal]) -> None:
        """Show what there is, and what of it was taken just now."""
        table = _table()
        _add_column(table, "Taken now", justify="right")
        for one in stocked_items:
            quantity = taken.get(one.stocked_item_id, ZERO)
            table.add_row(*self._row(one, quantity), Text(str(quantity), "bold yellow" if quantity else "dim"))
        self._show(table)
        marks = self._marks
        self.say(f"{marks.left} left   {marks.taken} taken now   {marks.gone} taken before", "dim")
        self.say()

    def _show(self, table: Table) -> None:
        self.say()
        self._console.print(table)
        self.say()

    def _row(self, one: pb.StockedItem, taken: Decimal) -> tuple[str | Text, ...]:
        received, left = Decimal(one.places.received.value), Decimal(one.places.available.value)
        return (
            str(one.stocked_item_id),
            f"{one.receive_time.ToDatetime(tzinfo=UTC):%Y-%m-%d}",
            str(received),
            Text(str(left), "bold"),
            self._bar(left, taken, received - left - taken),
        )

    def _bar(self, left: Decimal, taken: Decimal, gone: Decimal) -> Text:
        marks = self._marks
        return Text.assemble(
            (marks.left * int(left), "green"), (marks.taken * int(taken), "yellow"), (marks.gone * int(gone), "dim")
        )


def _table() -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    _add_column(table, "Stocked item", justify="right")
    _add_column(table, "Received on")
    _add_column(table, "Came", justify="right")
    _add_column(table, "Left", justify="right")
    # The only one that gives way on a narrow terminal.
    table.add_column("", overflow="crop", no_wrap=True)
    return table


def _add_column(table: Table, header: str, justify: JustifyMethod = "left") -> None:
    table.add_column(header, justify=justify, min_width=len(header), no_wrap=True)
