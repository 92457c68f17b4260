"""How fast the ledger has to be beside fixed baselines: gates to reach, and what it aims at."""

from dataclasses import dataclass

from tests.bench.figures import Figures, Measurement, Spread


@dataclass(frozen=True, slots=True)
class Gate:
    """A figure, what it has to be, and what it is."""

    figure: str
    gate: float | None
    aim: float | None
    """None: it has to be nothing, and stands beside the others to be compared."""
    measured: Spread | None
    """None: not in this run."""

    @property
    def is_missed(self) -> bool:
        """Whether it was measured, and falls short of the gate."""
        return self.measured is not None and not self._reaches(self.gate)

    @property
    def reached(self) -> str:
        """How far it got, in a word."""
        if self.measured is None:
            return "-"
        if self.gate is None:
            return ""
        return "MISSED" if self.is_missed else "aim" if self._reaches(self.aim) else "gate"

    def _reaches(self, mark: float | None) -> bool:
        """What aims above its gate is to be great; what aims below it, to be small."""
        if self.measured is None or self.gate is None or self.aim is None or mark is None:
            return True
        return self.measured.median >= mark if self.aim > self.gate else self.measured.median <= mark


def gates(figures: Figures) -> list[Gate]:
    """All figures that matter, as far as they were measured."""
    ratio, best = figures.ratio, figures.best_function("uniform")
    batch, alone = _ledger("batch", 4), _ledger("uniform", 1)
    stream, hot = _ledger("stream", 20), _ledger("hot", 256)
    apart = (Measurement("empty", "empty", 1), Measurement("function", "uniform", 1))
    deep, shallow = (Measurement("old-ledger", call, 1) for call in ("deep", "shallow"))
    then, now = (Measurement("old-ledger", call, 1) for call in ("as-of", "position"))
    return [
        Gate("any item, 64 ÷ empty call", 0.45, 0.65, ratio(_ledger("uniform", 64), _empty(64))),
        *(
            Gate(f"  {call}, {in_flight} ÷ empty call", None, None, ratio(_ledger(call, in_flight), _empty(in_flight)))
            for call in ("reserve", "receive", "transfer")
            for in_flight in (64, 256)
        ),
        Gate("hot item, 256 ÷ function, 64 clients", 2, 4, ratio(hot, Measurement("function", "hot", 64))),
        Gate("hot item ÷ any item, 256", 0.9, 1.2, ratio(hot, _ledger("uniform", 256))),
        Gate("batches of 500, 4 ÷ function at its best", 1.5, 3, ratio(batch, best)),
        Gate("stream ÷ batches", 0.5, 0.8, ratio(stream, batch)),
        Gate("  stream, by one ÷ batches", None, None, ratio(_ledger("stream-singly", 2000), batch)),
        Gate("any item, 1: p50 ÷ (empty call + function)", 3, 2, ratio(alone, *apart, value="p50_ms")),
        Gate("1,100,000 layers ÷ four, 1: p50", 1.2, 1.05, ratio(deep, shallow, value="p50_ms")),
        Gate("position, 64 ÷ empty call", 0.6, 0.8, ratio(_ledger("position", 64), _empty(64))),
        Gate("as of one of 5,000,000 ÷ now, 1: p50", 3, 1.5, ratio(then, now, value="p50_ms")),
        Gate("10,000 serial numbers in a call: units/s", 3_000, 10_000, figures.spread(_ledger("serials", 1))),
        Gate("two ledgers ÷ one, hot item", 0.8, 1.1, ratio(Measurement("two-ledgers", "hot", 256), hot)),
        Gate("memory after 1,000,000 ÷ 10,000 changes", 1.1, 1.02, figures.memory_growth),
    ]


def _ledger(call: str, at_once: int) -> Measurement:
    return Measurement("ledger", call, at_once)


def _empty(in_flight: int) -> Measurement:
    return Measurement("empty", "empty", in_flight)
