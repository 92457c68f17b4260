"""What requests are refused with, and what no refusal may do."""

import re
from typing import Final

from grpc import StatusCode

from storekeeper_kit.clients import Failure
from tests.stockledger.dump import Dump
from tests.stockledger.servicer.world import World

INSIDE: Final = re.compile(
    r"psycopg|sqlalchemy|Traceback|\.py\b|line \d|SELECT|INSERT|UPDATE |violates|constraint|relation|DETAIL|pg_|Error\b"
)
"""Words of drivers, statements and tracebacks."""


def refusal(world: World, dump: Dump, method: str, text: str) -> Failure:
    """What a request is refused with, having changed nothing, byte for byte, and told nothing of the inside."""
    request = world.request(method, text)
    before = dump()
    failure = world.stock.refusal(method, request)
    assert dump() == before
    assert tells_nothing_of_the_inside(failure)
    return failure


def tells_nothing_of_the_inside(failure: Failure) -> bool:
    """Whether all that is said is in our words."""
    return bool(failure.message) and not INSIDE.search(f"{failure.message} {failure.metadata} {failure.violations}")


def bad_fields(failure: Failure) -> list[str]:
    """The paths of the fields that are bad, each with what is wrong with it."""
    assert (failure.code, failure.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert all(violation.description for violation in failure.violations)
    return [violation.field for violation in failure.violations]
