"""Shows the figures as two tables: what was measured, and which gates it reaches."""

from collections.abc import Sequence
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tests.bench.figures import BASELINES, CLIENTS, Figures, Measurement, Spread, What
from tests.bench.gates import Gate

NAMES: Final[dict[What, str]] = {
    "empty": "empty call",
    "function": "function",
    "ledger": "ledger",
    "two-ledgers": "two ledgers",
    "old-ledger": "old ledger",
    "catalog": "catalog",
    "empty-http": "empty request",
    "gateway": "gateway",
}
CALLS: Final = {
    "empty": "",
    "empty-http": "",
    "uniform": ", any item",
    "hot": ", hot item",
    "reserve": ", reserve",
    "receive": ", receive",
    "transfer": ", transfer",
    "batch": ", batches",
    "stream": ", stream",
    "stream-singly": ", stream by one",
    "serials": ", serials",
    "position": ", position",
    "shallow": ", few layers",
    "deep": ", many layers",
    "as-of": ", as of then",
    "item": ", get item",
    "rest-removal": ", removal",
    "rest-stocked-item": ", get one",
}
HEADINGS: Final = (
    "",
    "at\nonce",
    "\na second",
    "÷ empty\ncall",
    "÷ function\nas many",
    "÷ function\nits best",
    "p50\nms",
    "p99\nms",
)
HOW_TO_READ: Final = """\
ledger      RemoveStock by gRPC: 3 units, oldest first, of any of 10,000 items or
            all of one hot item; reserve, receive and transfer are the same of other
            calls, of any item. Batches have 500 removals of any item, the messages
            of a stream 100, or one: all of them count, and p50 is a message's.
            Serials: units with serial numbers, 10,000 received by one call
two ledgers on one database, with half of the calls each
old ledger  a journal of 5,000,000 movements, a position as it was after any of
            them and as it is now; removals from a position of 1,000,000 emptied and
            100,000 open layers, and from one of four
catalog     GetItem by gRPC: one of 10,001 items
gateway     Autotask's REST API: the removal of any item (InventoryStockedItemsRemove),
            and one stocked item read by its id
empty call  a bare grpc.aio server answers nothing with nothing, with as many calls
            in flight as the ledger has
empty request  starlette on uvicorn answers nothing; the baseline of the gateway
function    the same removal as one PL/pgSQL function, driven by pgbench: "as many"
            clients as the ledger has calls in flight, or {clients} for 256; "its best"
            number of clients stands in brackets

A figure is the median of {repetitions} interleaved repetitions of {seconds} s; under it stand
the least and the greatest. A ratio divides two rates of one repetition: 0.50 is
half as many calls a second as the baseline. Clients, servers and PostgreSQL
share the machine, and commits are durable. The function is a ceiling: it locks
nothing but the layers that it takes from, and keeps no totals, no numbers without
gaps and no hash chain. Afterwards every answered change was found recorded, and
all invariants held."""


def show(console: Console, figures: Figures, *, machine: str, repetitions: int, seconds: int) -> None:
    """Print the table of all that was measured, and how to read it."""
    table = Table(box=SIMPLE_HEAD, title=f"On {machine}", title_justify="left", padding=0)
    for number, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="right" if number else "left", no_wrap=True)
    for what, name in NAMES.items():
        for measurement in figures.measured(what):
            table.add_row(name + CALLS[measurement.call], str(measurement.at_once), *_cells(figures, measurement))
        table.add_section()
    console.print(table)
    how = HOW_TO_READ.format(repetitions=repetitions, seconds=seconds, clients=max(CLIENTS))
    console.print(how, soft_wrap=True, highlight=False)


def show_gates(console: Console, gates: Sequence[Gate]) -> None:
    """Print which gates are reached, and say plainly which are not."""
    table = Table(box=SIMPLE_HEAD, title="Gates", title_justify="left", padding=0)
    for number, heading in enumerate(("", "measured", "gate", "aim", "reached")):
        table.add_column(heading, justify="right" if number else "left", no_wrap=True)
    for gate in gates:
        style = "bold red" if gate.is_missed else None
        measured = _two_lines(gate.measured, ",.0f" if gate.measured and gate.measured.median >= 100 else ".2f")
        table.add_row(gate.figure, measured, _mark(gate.gate), _mark(gate.aim), gate.reached, style=style)
    console.print(table)
    missed = [gate.figure for gate in gates if gate.is_missed]
    if missed:
        console.print(f"{len(missed)} of the gates MISSED: {'; '.join(missed)}.", soft_wrap=True, highlight=False)
    elif all(gate.measured for gate in gates):
        console.print("All gates reached.", highlight=False)


def _cells(figures: Figures, measurement: Measurement) -> list[str]:
    rate = _two_lines(figures.spread(measurement), ",.0f")
    latencies = [_latency(figures.spread(measurement, "p50_ms")), _latency(figures.spread(measurement, "p99_ms"))]
    if measurement.what not in BASELINES:
        return [rate, "", "", "", *latencies]
    best = figures.best_function(measurement.call)
    ratios = [
        _two_lines(figures.ratio(measurement, figures.empty_call(measurement)), ".2f"),
        _two_lines(figures.ratio(measurement, figures.same_clients(measurement)), ".2f"),
        _two_lines(figures.ratio(measurement, best), ".2f", f" ({best.at_once})" if best else ""),
    ]
    return [rate, *ratios, *latencies]


def _latency(spread: Spread | None) -> str:
    assert spread
    return f"{spread.median:.0f}" if spread.median >= 10 else f"{spread.median:.1f}"


def _two_lines(spread: Spread | None, form: str, remark: str = "") -> str:
    if spread is None:
        return ""
    return f"[bold]{spread.median:{form}}[/bold]{remark}\n[dim]{spread.least:{form}}-{spread.greatest:{form}}[/dim]"


def _mark(mark: float | None) -> str:
    return "" if mark is None else f"{mark:,g}"
