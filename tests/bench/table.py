"""Shows the figures as one table."""

from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tests.bench.figures import BASELINES, Call, Figures, Measurement, Spread, What

NAMES: Final[dict[What, str]] = {
    "empty": "empty call",
    "function": "function",
    "ledger": "ledger",
    "catalog": "catalog",
    "empty-http": "empty request",
    "gateway": "gateway",
}
CALLS: Final[dict[Call, str]] = {
    "empty": "",
    "empty-http": "",
    "uniform": ", any item",
    "hot": ", hot item",
    "item": ", get item",
    "rest-removal": ", removal",
    "rest-stocked-item": ", get one",
}
HEADINGS: Final = (
    "",
    "at\nonce",
    "\ncalls/s",
    "÷ empty\ncall",
    "÷ function\nas many",
    "÷ function\nits best",
    "p50\nms",
    "p99\nms",
)
HOW_TO_READ: Final = """\
ledger      RemoveStock by gRPC: 3 units, oldest first, of any of 10,000 items or
            all of one hot item
catalog     GetItem by gRPC: one of 10,001 items
gateway     Autotask's REST API: the removal of any item (InventoryStockedItemsRemove),
            and one stocked item read by its id
empty call  a bare grpc.aio server answers nothing with nothing, with as many calls
            in flight as the ledger has
empty request  starlette on uvicorn answers nothing; the baseline of the gateway
function    the same removal as one PL/pgSQL function, driven by pgbench: "as many"
            clients as the ledger has calls in flight, or 64 for 256; "its best"
            number of clients stands in brackets

A figure is the median of {repetitions} interleaved repetitions of {seconds} s; under it stand
the least and the greatest. A ratio divides two rates of one repetition: 0.50 is
half as many calls a second as the baseline. Clients, servers and PostgreSQL
share the machine, and commits are durable. The function is a ceiling: it locks
nothing but the layers that it takes from, and keeps no totals, no numbers without
gaps and no hash chain. Afterwards every answered removal was found recorded, and
all invariants held."""


def show(console: Console, figures: Figures, *, machine: str, repetitions: int, seconds: int) -> None:
    """Print the table, and how to read it."""
    table = Table(box=SIMPLE_HEAD, title=f"Calls per second on {machine}", title_justify="left", padding=0)
    for number, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="right" if number else "left", no_wrap=True)
    for what, name in NAMES.items():
        for measurement in figures.measured(what):
            table.add_row(name + CALLS[measurement.call], str(measurement.at_once), *_cells(figures, measurement))
        table.add_section()
    console.print(table)
    console.print(HOW_TO_READ.format(repetitions=repetitions, seconds=seconds), soft_wrap=True, highlight=False)


def _cells(figures: Figures, measurement: Measurement) -> list[str]:
    rate = _two_lines(figures.rate(measurement), ",.0f")
    if measurement.what == "function":
        return [rate]
    latencies = [
        f"{latency:.0f}" if latency >= 10 else f"{latency:.1f}" for latency in figures.latencies_ms(measurement)
    ]
    if measurement.what not in BASELINES:
        return [rate, "", "", "", *latencies]
    best = figures.best_function(measurement.call)
    ratios = [
        _ratio(figures.ratio(measurement, figures.empty_call(measurement))),
        _ratio(figures.ratio(measurement, figures.same_clients(measurement))),
        _ratio(figures.ratio(measurement, best), f" ({best.at_once})" if best else ""),
    ]
    return [rate, *ratios, *latencies]


def _ratio(spread: Spread | None, remark: str = "") -> str:
    return _two_lines(spread, ".2f", remark) if spread else ""


def _two_lines(spread: Spread, form: str, remark: str = "") -> str:
    return f"[bold]{spread.median:{form}}[/bold]{remark}\n[dim]{spread.least:{form}}-{spread.greatest:{form}}[/dim]"
