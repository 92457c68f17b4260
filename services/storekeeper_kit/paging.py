"""Page tokens: where a list goes on, as opaque text that is good for the query it came from and for no other.

A token holds the sort keys of the last row that was sent, and a digest over them and the query. The digest is no
secret: whoever forges one only skips rows of their own tenant, because the query itself never comes from the token.
"""

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Self

from google.protobuf.message import Message

from storekeeper_kit.reading import Reading

Keys = tuple[int | str, ...]

# What the longest sort key makes, which is an item's name: 1,000 characters of four bytes, and a third more in base64.
TOKEN_CHARS_MAX = 6000
DIGEST_BYTES = 12
# Where a list stands, not what it asks for: these two may differ from page to page.
PAGE_FIELDS = ("page_size", "page_token")


@dataclass(frozen=True, slots=True)
class Query:
    """What a list was asked for, and the types of the keys that its rows are sorted by."""

    rpc: str
    tenant_id: int
    filters: bytes
    key_types: tuple[type[int] | type[str], ...]

    @classmethod
    def of(cls, request: Message, tenant_id: int, key_types: tuple[type[int] | type[str], ...]) -> Self:
        """The query that this request makes: each of its fields is part of it, whichever the contract has by then."""
        filters = type(request)()
        filters.CopyFrom(request)
        for name in PAGE_FIELDS:
            filters.ClearField(name)
        return cls(request.DESCRIPTOR.full_name, tenant_id, filters.SerializeToString(deterministic=True), key_types)


def issue(query: Query, after: Keys) -> str:
    """The token of the page that follows the row with these sort keys."""
    assert _fit(query, after), "sort keys are of the types that the query names"
    # As UTF-8: the escapes of JSON would make a name three times as long.
    keys = json.dumps(after, separators=(",", ":"), ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(_digest(query, keys) + keys).decode().rstrip("=")


def read(
    reading: Reading, path: str, token: str, query: Query, *, called: str = "page token of this query"
) -> Keys | None:
    """The sort keys after which the page begins; None for the first page."""
    if not token:
        return None
    after = _keys(token, query)
    if after is None:
        reading.violation(path, f"is not a {called}")
    return after


def _keys(token: str, query: Query) -> Keys | None:
    """The keys, if this query would have issued just this token: what is forged or garbled never reaches a statement."""
    try:
        content = base64.urlsafe_b64decode(token[:TOKEN_CHARS_MAX] + "=" * (-len(token) % 4))
        after = tuple(json.loads(content[DIGEST_BYTES:]))
    except (TypeError, ValueError, RecursionError):
        return None
    return after if _fit(query, after) and issue(query, after) == token else None


def _fit(query: Query, after: Keys) -> bool:
    return len(after) == len(query.key_types) and all(
        type(key) is key_type and _storable(key) for key, key_type in zip(after, query.key_types, strict=True)
    )


def _storable(key: int | str) -> bool:
    return not _UNSTORABLE.search(key) if isinstance(key, str) else -(2**63) <= key < 2**63


def _digest(query: Query, keys: bytes) -> bytes:
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES, person=b"page token")
    for part in (query.rpc.encode(), str(query.tenant_id).encode(), query.filters, keys):
        # The length keeps one part from running into the next.
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


# NUL and lone surrogates, which PostgreSQL doesn't take.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
