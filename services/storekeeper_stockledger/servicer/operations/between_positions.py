"""Changes between positions: units are transferred, made of components, and divided into parts."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.caller import Caller
from storekeeper_kit.reading import Reading

from ...domain.operations import AssembleStock, Component, DisassembleStock, Part, TransferStock
from ..reading import LOT_CHARS_MAX
from .particulars import quantity, reason, reference, time
from .which_units import drawing, target

PARTS_MAX: Final = 100
"""Components or parts of one kit."""


def transfer(read: Reading, request: pb.TransferStockRequest, _: Caller) -> TransferStock:
    """Units go to another location."""
    return TransferStock(
        **drawing(read, "source", request.source),
        to_location_id=read.identifier("to_location_id", request.to_location_id),
        quantity=quantity(read, request),
        allow_partial=request.allow_partial,
        reason=reason(read, request),
        reference=reference(read, request),
    )


def assemble(read: Reading, request: pb.AssembleStockRequest, _: Caller) -> AssembleStock:
    """Kits are made of components."""
    _check_count(read, "components", request.components)
    return AssembleStock(
        components=tuple(
            Component(
                **drawing(read, f"components[{number}].source", component.source),
                quantity=quantity(read, component, f"components[{number}]."),
            )
            for number, component in enumerate(request.components[:PARTS_MAX])
        ),
        target=target(read, request),
        quantity=quantity(read, request),
        reason=reason(read, request),
        **_described(read, request),
        reference=reference(read, request),
    )


def disassemble(read: Reading, request: pb.DisassembleStockRequest, _: Caller) -> DisassembleStock:
    """Kits fall into parts."""
    _check_count(read, "parts", request.parts)
    parts = tuple(_part(read, f"parts[{number}].", part) for number, part in enumerate(request.parts[:PARTS_MAX]))
    shares = [part.cost_share for part in parts]
    known = [share for share in shares if share is not None]
    if known and (len(known) < len(shares) or not any(known)):
        read.violation("parts", "have a cost_share each, not all of them zero, or none at all")
    return DisassembleStock(
        **drawing(read, "source", request.source),
        quantity=quantity(read, request),
        parts=parts,
        reason=reason(read, request),
        reference=reference(read, request),
    )


def _part(read: Reading, path: str, part: pb.Part) -> Part:
    share = part.cost_share if part.HasField("cost_share") else None
    return Part(
        target=target(read, part, path=path),
        quantity=quantity(read, part, path),
        cost_share=None if share is None else read.decimal(f"{path}cost_share", share, minimum=Decimal(0)),
        **_described(read, part, path),
    )


def _described(read: Reading, made: pb.AssembleStockRequest | pb.Part, path: str = "") -> dict[str, Any]:
    return {
        "lot": read.text(f"{path}lot", made.lot, max_length=LOT_CHARS_MAX),
        "serial_number": read.text(f"{path}serial_number", made.serial_number, max_length=LOT_CHARS_MAX),
        "expire_time": time(read, made, "expire_time", path),
    }


def _check_count(read: Reading, path: str, given: Sequence[object]) -> None:
    if not given:
        read.violation(path, "is required: at least one")
    elif len(given) > PARTS_MAX:
        read.violation(path, f"are more than {PARTS_MAX}")
