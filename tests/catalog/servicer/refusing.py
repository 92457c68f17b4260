"""What requests are refused with, and what no refusal may do."""

import re
from typing import Final

from storekeeper_kit.clients import Failure
from tests.catalog.dump import Dump
from tests.catalog.servicer.world import World

INSIDE: Final = re.compile(
    r"psycopg|sqlalchemy|Traceback|\.py\b|SELECT|INSERT|UPDATE |violates|constraint|relation|DETAIL|pg_|Error\b"
)
"""Words of drivers, statements and tracebacks."""


def refusal(world: World, dump: Dump, method: str, text: str) -> Failure:
    """What a request is refused with, having changed nothing, byte for byte, and told nothing of the inside."""
    request = world.request(method, text)
    before = dump()
    failure = world.items.refusal(method, request)
    assert dump() == before
    assert failure.message
    assert not INSIDE.search(f"{failure.message} {failure.metadata} {failure.violations}")
    return failure
