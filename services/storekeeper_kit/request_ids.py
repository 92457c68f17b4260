"""Request ids for whoever calls a service of ours."""

import os
import time
import uuid


def new_request_id() -> str:
    """A UUID of version 7: it sorts by time, so that an index of request ids grows at its end only."""
    milliseconds = time.time_ns() // 1_000_000
    number = milliseconds << 80 | 0x7 << 76 | 0b10 << 62
    random_bits = int.from_bytes(os.urandom(10)) & ~(0xF << 76 | 0b11 << 62)
    return str(uuid.UUID(int=number | random_bits))
