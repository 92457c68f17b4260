"""What each kind of movement means, and what each kind of operation is made of: as the contract says, not the code."""

import re
from collections.abc import Iterable

OUTSIDE = None
ON_ORDER = "on_order"

ENDS: dict[str, tuple[str | None, str | None]] = {
    "added": (OUTSIDE, "available"),
    "removed": ("available", "removed"),
    "reserved": ("available", "reserved"),
    "released": ("reserved", "available"),
    "picked": ("available", "picked"),
    "picked_reserved": ("reserved", "picked"),
    "unpicked": ("picked", "available"),
    "unpicked_reserved": ("picked", "reserved"),
    "delivered": ("picked", "delivered"),
    "returned": ("delivered", "available"),
    "transferred_out": ("available", "transferred"),
    "transferred_in": (OUTSIDE, "available"),
    "relocated_out": ("available", OUTSIDE),
    "relocated_in": (OUTSIDE, "available"),
    "counted_in": (OUTSIDE, "available"),
    "counted_out": ("available", "removed"),
    "consumed": ("available", "removed"),
    "produced": (OUTSIDE, "available"),
    "expected": (OUTSIDE, ON_ORDER),
    "expectation_cancelled": (ON_ORDER, OUTSIDE),
    "received": (ON_ORDER, "available"),
    "unreceived": ("available", ON_ORDER),
    "revalued": (OUTSIDE, OUTSIDE),
}
"""From which place to which. Neither the outside nor what is on order is a place of a stocked item."""

ON_HAND = ("available", "reserved", "picked")

MAKING = {"added", "received", "counted_in", "produced", "transferred_in"}
"""Kinds that make a stocked item."""

COSTING = MAKING | {"relocated_in", "revalued"}
"""Kinds that say what a unit costs from then on."""

WITHOUT_STOCKED_ITEM = {"expected", "expectation_cancelled"}

FOR_A_DEMAND = {
    *("reserved", "released", "picked", "picked_reserved", "unpicked", "unpicked_reserved", "delivered", "returned"),
}

FOR_AN_ORDER_LINE = {"expected", "expectation_cancelled", "received", "unreceived"}

COMING = {kind for kind, (origin, target) in ENDS.items() if origin not in ON_HAND and target in ON_HAND}
LEAVING = {kind for kind, (origin, target) in ENDS.items() if origin in ON_HAND and target not in ON_HAND}
"""Kinds that bring units on hand, and that take them away: with what they are worth."""

OPERATIONS = {
    "add_stock": "added",
    "remove_stock": "removed+",
    "close_position": "removed*",
    "reserve_stock": "reserved+",
    "release_stock": "released+",
    "expire_reservations": "released+",
    "extend_reservation": "",
    "pick_stock": "picked_reserved+ picked* | picked+",
    "unpick_stock": "unpicked+ | unpicked_reserved+",
    "deliver_stock": "delivered+",
    "return_stock": "returned+",
    "transfer_stock": "(transferred_out transferred_in)+ | (relocated_out relocated_in)+",
    "count_stock": "counted_in? | counted_out+",
    "assemble_stock": "consumed+ produced",
    "disassemble_stock": "consumed+ produced+",
    "expect_stock": "expected",
    "cancel_expected_stock": "expectation_cancelled",
    "receive_stock": "received+",
    "unreceive_stock": "unreceived+ expectation_cancelled?",
    "update_stocked_item": "revalued?",
    "create_location": "",
    "open_position": "",
}
"""What movements an operation of each kind has, in their order."""

USUAL_ORDERS = {
    **dict.fromkeys(("remove_stock", "reserve_stock", "pick_stock", "transfer_stock"), "oldest_first"),
    **dict.fromkeys(("assemble_stock", "disassemble_stock"), "oldest_first"),
    **dict.fromkeys(("close_position", "count_stock", "deliver_stock"), "oldest_first+expired"),
    **dict.fromkeys(("release_stock", "unpick_stock", "return_stock", "unreceive_stock"), "newest_first+expired"),
}
"""In which order each kind of operation draws on stocked items, unless it names them or another order."""

NAMED_ONES = "named+expired"
"""The order in which stocked items are drawn on that are named, expired or not."""

_PATTERNS = {
    operation: re.compile(re.sub(r"[a-z_]+", r"(?:\g<0>;)", kinds), re.VERBOSE)
    for operation, kinds in OPERATIONS.items()
}


def can_be_made_of(operation: str, kinds: Iterable[str]) -> bool:
    """Whether an operation of this kind may have movements of these kinds, in this order."""
    return _PATTERNS[operation].fullmatch("".join(f"{kind};" for kind in kinds)) is not None
