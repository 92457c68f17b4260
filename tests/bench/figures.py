"""What is measured, and what becomes of the numbers: medians, spreads and ratios."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Final, Literal

from tests.bench.client import Answered
from tests.bench.stage import Stage

What = Literal["empty", "empty-http", "function", "ledger", "catalog", "gateway"]
Call = Literal["empty", "empty-http", "uniform", "hot", "item", "rest-removal", "rest-stocked-item"]

IN_FLIGHT: Final = (1, 64, 256)
CLIENTS: Final = (1, 16, 64)
CALLS: Final[tuple[Call, ...]] = ("uniform", "hot")
AT_ONCE: Final = 64
"""What is asked of the catalog and the gateway, and of the bare HTTP server, is asked by as many as this."""
BASELINES: Final[Mapping[What, tuple[What, Call]]] = {
    "ledger": ("empty", "empty"),
    "catalog": ("empty", "empty"),
    "gateway": ("empty-http", "empty-http"),
}
"""The least that an answer of each costs."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One thing that is measured: what is asked, of whom, by how many at once."""

    what: What
    call: Call
    at_once: int

    @property
    def name(self) -> str:
        """As `--only` and the file of figures know it: "ledger-hot-256"."""
        return f"{self.what}-{self.call}-{self.at_once}" if self.what != self.call else f"{self.what}-{self.at_once}"

    def take(self, stage: Stage, seconds: int) -> Sample:
        """Measure it once."""
        if self.what == "function":
            return Sample(stage.function.rate(self.call, self.at_once, seconds))
        return _sample(stage.answered(self.call, self.at_once, seconds))


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement: calls per second, and latencies where they are known."""

    rate: float
    p50_ms: float = 0
    p99_ms: float = 0


def _sample(answered: Answered) -> Sample:
    return Sample(answered.rate, answered.p50_ms, answered.p99_ms)


MEASUREMENTS: Final = (
    *(Measurement("empty", "empty", in_flight) for in_flight in IN_FLIGHT),
    *(Measurement("function", call, clients) for call in CALLS for clients in CLIENTS),
    *(Measurement("ledger", call, in_flight) for call in CALLS for in_flight in IN_FLIGHT),
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
        self.samples: defaultdict[Measurement, list[Sample]] = defaultdict(list)

    def add(self, measurement: Measurement, sample: Sample) -> None:
        """Note one more."""
        self.samples[measurement].append(sample)

    def measured(self, what: What) -> Iterator[Measurement]:
        """The measurements of this kind, in their order."""
        return (measurement for measurement in MEASUREMENTS if measurement.what == what and self.samples[measurement])

    def rate(self, measurement: Measurement) -> Spread:
        """Calls per second."""
        return Spread.of(sample.rate for sample in self.samples[measurement])

    def latencies_ms(self, measurement: Measurement) -> tuple[float, float]:
        """The medians of the 50th and the 99th percentile."""
        samples = self.samples[measurement]
        return median(sample.p50_ms for sample in samples), median(sample.p99_ms for sample in samples)

    def ratio(self, measurement: Measurement, baseline: Measurement | None) -> Spread | None:
        """How many calls a second for each one of the baseline; None when that was not measured."""
        if baseline is None or not self.samples[baseline]:
            return None
        pairs = zip(self.samples[measurement], self.samples[baseline], strict=True)
        return Spread.of(sample.rate / base.rate for sample, base in pairs)

    def empty_call(self, measurement: Measurement) -> Measurement:
        """The empty call, or the empty HTTP request, with as many in flight."""
        return Measurement(*BASELINES[measurement.what], measurement.at_once)

    def same_clients(self, measurement: Measurement) -> Measurement | None:
        """The function with as many clients, or with the most that it was given; None where it does something else."""
        if measurement.what != "ledger":
            return None
        return Measurement("function", measurement.call, min(measurement.at_once, max(CLIENTS)))

    def best_function(self, call: Call) -> Measurement | None:
        """The function with the number of clients that suits it best."""
        functions = [measurement for measurement in self.measured("function") if measurement.call == call]
        return max(functions, key=lambda measurement: self.rate(measurement).median, default=None)

    def as_json(self) -> Mapping[str, object]:
        """Every sample, by the name of its measurement."""
        return {
            measurement.name: [
                {"rate": sample.rate, "p50_ms": sample.p50_ms, "p99_ms": sample.p99_ms} for sample in samples
            ]
            for measurement, samples in self.samples.items()
            if samples
        }
