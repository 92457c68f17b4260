"""Instants of the journal: what was recorded up to one counts, and nothing after it."""

from datetime import datetime

from .operations import PositionName
from .values import dataclass


@dataclass(frozen=True, slots=True)
class AfterMovement:
    """Right after this movement; 0 is before the first one."""

    movement_id: int


@dataclass(frozen=True, slots=True)
class RecordedBy:
    """When everything that was recorded at this time or before had been recorded."""

    time: datetime


AsOf = AfterMovement | RecordedBy


@dataclass(frozen=True, slots=True)
class Instant:
    """An instant as the journal knows it."""

    movement_id: int
    """The last movement that counts."""
    operation_id: int
    """The last operation that counts."""
    time: datetime
    """No operation that counts was recorded later."""


@dataclass(frozen=True, slots=True)
class PositionAsked:
    """Names a position, as it is or as it was."""

    name: PositionName
    as_of: AsOf | None = None
