"""What only one vendor's API knows of a resource: a JSON object for each vendor, kept value by value.

On the wire it is JSON text by the vendor's name, in the database one JSONB column, in between plain values. Numbers keep
every digit on the way: they are decimals or integers, never floats.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from google.protobuf.field_mask_pb2 import FieldMask

from storekeeper_kit.json_text import dump_json, dump_json_bytes, load_json
from storekeeper_kit.reading import Reading

VENDORS_MAX: Final = 10
BYTES_MAX: Final = 32_768
DEPTH_MAX: Final = 8

Content = Mapping[str, Any]
"""What one vendor knows."""
Extensions = Mapping[str, Content]
"""By vendor."""

MASK: Final = "extensions"


def read_extensions(read: Reading, path: str, given: Mapping[str, str]) -> dict[str, Content]:
    """What each vendor knows, from JSON text by the vendor's name; all that is wrong is noted by its path."""
    if len(given) > VENDORS_MAX:
        read.violation(path, f"has more than {VENDORS_MAX} vendors")
        return {}
    return {vendor: _read_content(read, path, vendor, text) for vendor, text in sorted(given.items())}


def write_extensions(extensions: Extensions) -> dict[str, str]:
    """JSON text by the vendor's name."""
    return {vendor: dump_json(content) for vendor, content in extensions.items()}


def read_mask(read: Reading, path: str, mask: FieldMask, fields: Collection[str]) -> tuple[frozenset[str], list[str]]:
    """The fields that an update changes, and the vendors whose extensions it changes one by one.

    `fields` are the names that may be in the mask besides "extensions" and "extensions.<vendor>".
    """
    vendors = [name.removeprefix(f"{MASK}.") for name in mask.paths if name.startswith(f"{MASK}.")]
    for vendor in vendors:
        if not _VENDOR.fullmatch(vendor):
            read.violation(path, f'names "{MASK}.{vendor[:100]}", which is no vendor\'s')
    rest = FieldMask(paths=[name for name in mask.paths if not name.startswith(f"{MASK}.")])
    if vendors and not rest.paths:
        return frozenset(), vendors
    return read.mask(path, rest, (*fields, MASK)), vendors


def changed(current: Extensions, given: Extensions, *, replace_all: bool, vendors: Collection[str]) -> Extensions:
    """The extensions after an update: all of them as given, or only those of the vendors, which may be dropped."""
    if replace_all:
        return given
    kept = {vendor: content for vendor, content in current.items() if vendor not in vendors}
    return kept | {vendor: given[vendor] for vendor in vendors if vendor in given}


def _read_content(read: Reading, path: str, vendor: str, text: str) -> Content:
    where = f"{path}.{vendor[:100]}"
    if not _VENDOR.fullmatch(vendor):
        read.violation(where, "is not named by 1 to 30 of a to z, 0 to 9 and _")
        return {}
    if len(text.encode("utf-8", "replace")) > BYTES_MAX:
        read.violation(where, f"has more than {BYTES_MAX} bytes")
        return {}
    try:
        content = load_json(text)
        _check(content, DEPTH_MAX)
    except ValueError as error:
        read.violation(where, f"is not a JSON object that can be kept: {error}")
        return {}
    if not isinstance(content, dict):
        read.violation(where, "is not a JSON object")
        return {}
    if len(dump_json_bytes(content)) > BYTES_MAX:
        # Or it could not be given back as it was read, and many of them would not fit into any answer.
        read.violation(where, f"has more than {BYTES_MAX} bytes when its numbers are written out")
        return {}
    return content


def _check(value: object, depth: int) -> None:
    """Refuses what PostgreSQL cannot keep, or what is nested too deeply."""
    if isinstance(value, str):
        if _UNSTORABLE.search(value):
            raise ValueError("a text contains a character that stands for nothing")
    elif isinstance(value, dict | list):
        if not depth:
            raise ValueError(f"it is nested deeper than {DEPTH_MAX}")
        for part in (*value, *value.values()) if isinstance(value, dict) else value:
            _check(part, depth - 1)


_VENDOR = re.compile("[a-z0-9_]{1,30}")
# NUL and lone surrogates.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
