"""What is measured, and what becomes of the numbers: medians, spreads and ratios."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, Literal

from tests.bench.client import Answered
from tests.bench.stage import Stage, Who

What = Who | Literal["function"]
Value = Literal["rate", "p50_ms", "p99_ms"]

IN_FLIGHT: Final = (1, 64, 256)
CLIENTS: Final = (1, 16, 64)
REMOVALS: Final = ("uniform", "hot")
AT_ONCE: Final = 64
"""What is asked of the catalog and the gateway, and of the bare HTTP server, is asked by as many as this."""
BASELINES: Final[Mapping[What, tuple[What, str]]] = {
    "ledger": ("empty", "empty"),
    "two-ledgers": ("empty", "empty"),
    "old-ledger": ("empty", "empty"),
    "catalog": ("empty", "empty"),
    "gateway": ("empty-http", "empty-http"),
}
"""The least that an answer of each costs."""
FEW_CALLS: Final = {"serials": 1}
"""What takes so long that calls are counted, not seconds."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One thing that is measured: what is asked, of whom, by how many at once."""

    what: What
    call: str
    at_once: int

    @property
    def name(self) -> str:
        """As `--only` and the file of figures know it: "ledger-hot-256"."""
        return f"{self.what}-{self.call}-{self.at_once}" if self.what != self.call else f"{self.what}-{self.at_once}"

    def prepare(self, stage: Stage) -> None:
        """Have everything there that it needs."""
        if self.what == "function":
            stage.function.check()
        else:
            stage.targets(self.what)

    def take(self, stage: Stage, seconds: int) -> Answered:
        """Measure it once."""
        if self.what == "function":
            return stage.function.answered(self.call, self.at_once, seconds)
        if self.call in FEW_CALLS:
            return stage.answered(self.what, self.call, self.at_once, calls=FEW_CALLS[self.call])
        return stage.answered(self.what, self.call, self.at_once, seconds=seconds)


MEASUREMENTS: Final = (
    *(Measurement("empty", "empty", in_flight) for in_flight in IN_FLIGHT),
    *(Measurement("function", call, clients) for call in REMOVALS for clients in CLIENTS),
    *(Measurement("ledger", call, in_flight) for call in REMOVALS for in_flight in IN_FLIGHT),
    *(Measurement("ledger", call, in_flight) for call in ("reserve", "receive", "transfer") for in_flight in (64, 256)),
    Measurement("ledger", "batch", 4),
    Measurement("ledger", "stream", 20),
    Measurement("ledger", "stream-singly", 2000),
    Measurement("ledger", "serials", 1),
    Measurement("ledger", "position", 64),
    Measurement("two-ledgers", "hot", 256),
    Measurement("old-ledger", "shallow", 1),
    Measurement("old-ledger", "deep", 1),
    Measurement("old-ledger", "position", 1),
    Measurement("old-ledger", "as-of", 1),
    Measurement("catalog", "item", AT_ONCE),
    Measurement("empty-http", "empty-http", AT_ONCE),
    Measurement("gateway", "rest-removal", AT_ONCE),
    Measurement("gateway", "rest-stocked-item", AT_ONCE),
)


@dataclass(frozen=True, slots=True)
class Spread:
    """Repeated numbers: the one in the middle, and the outermost ones."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, numbers: Iterable[float]) -> Spread:
        """The spread of these numbers."""
        ordered = sorted(numbers)
        return cls(median(ordered), ordered[0], ordered[-1])


class Figures:
    """The samples of all repetitions. A ratio is taken within each repetition, of measurements moments apart."""

    def __init__(self) -> None:
        self.samples: defaultdict[Measurement, list[Answered]] = defaultdict(list)
        self.memory_growth: Spread | None = None

    def add(self, measurement: Measurement, sample: Answered) -> None:
        """Note one more."""
        self.samples[measurement].append(sample)

    def measured(self, what: What) -> Iterator[Measurement]:
        """The measurements of this kind, in their order."""
        return (measurement for measurement in MEASUREMENTS if measurement.what == what and self.samples[measurement])

    def spread(self, measurement: Measurement, value: Value = "rate") -> Spread | None:
        """What was measured; None where nothing was."""
        samples = self.samples[measurement]
        return Spread.of(getattr(sample, value) for sample in samples) if samples else None

    def ratio(self, measurement: Measurement, *bases: Measurement | None, value: Value = "rate") -> Spread | None:
        """How often the sum of the bases goes into what was measured; None when one of them was not."""
        measured = [self.samples[one] for one in (measurement, *bases) if one is not None]
        if not all(measured) or None in bases:
            return None
        rows = ([getattr(sample, value) for sample in row] for row in zip(*measured, strict=True))
        return Spread.of(first / sum(rest) for first, *rest in rows)

    def empty_call(self, measurement: Measurement) -> Measurement:
        """The empty call, or the empty HTTP request, with as many in flight."""
        return Measurement(*BASELINES[measurement.what], measurement.at_once)

    def same_clients(self, measurement: Measurement) -> Measurement | None:
        """The function with as many clients, or with the most that it was given; None where it does something else."""
        if measurement.call not in REMOVALS:
            return None
        return Measurement("function", measurement.call, min(measurement.at_once, max(CLIENTS)))

    def best_function(self, call: str) -> Measurement | None:
        """The function with the number of clients that suits it best."""
        functions = [measurement for measurement in self.measured("function") if measurement.call == call]
        return max(functions, key=self._median_rate, default=None)

    def _median_rate(self, measurement: Measurement) -> float:
        return median(sample.rate for sample in self.samples[measurement])

    def as_json(self) -> Mapping[str, Sequence[Mapping[str, float]]]:
        """Every sample, by the name of its measurement."""
        return {
            measurement.name: [
                {"rate": sample.rate, "p50_ms": sample.p50_ms, "p99_ms": sample.p99_ms} for sample in samples
            ]
            for measurement, samples in self.samples.items()
            if samples
        }
