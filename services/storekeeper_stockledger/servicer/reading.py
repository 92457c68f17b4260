"""Reads requests into what the ledger is asked; every bad field of a request is reported at once, by its path."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any, Final

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.caller import COSTS_VIEW, Caller
from storekeeper_kit.extensions import MASK, read_extensions, read_mask
from storekeeper_kit.reading import Reading

from ..descriptions import Change, Claim, NewLocation
from ..domain.costs import UNIT_COST_DECIMALS, UnitCost
from ..domain.instants import PositionAsked
from ..domain.items import Item, Tracking
from ..domain.operations import (
    ItemAtLocation,
    PositionId,
    fingerprint,
)
from ..domain.records import PositionTerms
from ..storage.tables import ID_MAX
from .instants import read_as_of

NAME_CHARS_MAX: Final = 100
TERM_CHARS_MAX: Final = 50
LOT_CHARS_MAX: Final = 100
REFERENCE_CHARS_MAX: Final = 100

TRACKINGS: Final[dict[int, Tracking]] = {
    pb.TRACKING_NONE: Tracking.NONE,
    pb.TRACKING_LOT: Tracking.LOT,
    pb.TRACKING_SERIAL: Tracking.SERIAL,
}


def item_at_location(
    read: Reading, path: str, message: pb.ItemAtLocation | pb.StockSource.OldestFirst
) -> ItemAtLocation:
    """The position of an item at a location, by the path of the message that names them."""
    return ItemAtLocation(
        read.identifier(f"{path}.item_id", message.item_id),
        read.identifier(f"{path}.location_id", message.location_id),
    )


def unit_cost(read: Reading, path: str, given: pb.UnitCost) -> UnitCost:
    """What a unit costs."""
    value = given.value if given.HasField("value") else None
    return UnitCost(
        currency_code(read, f"{path}.currency_code", given.currency_code),
        read.decimal(f"{path}.value", value, scale=UNIT_COST_DECIMALS, minimum=Decimal(0)),
    )


def currency_code(read: Reading, path: str, value: str) -> str:
    """An ISO 4217 code."""
    if not (len(value) == 3 and value.isascii() and value.isalpha() and value.isupper()):
        read.violation(path, "is not an ISO 4217 code of three capital letters")
    return value


# --- locations, items, positions, settings ------------------------------------------------------------------------


def new_location(request: pb.CreateLocationRequest, caller: Caller) -> tuple[Claim, NewLocation]:
    """What CreateLocation is asked."""
    read = Reading()
    request_id = read.request_id("request_id", request.request_id)
    name = read.text("location.name", request.location.name, max_length=NAME_CHARS_MAX, required=True)
    extensions = read_extensions(read, "location.extensions", request.location.extensions)
    read.finish()
    # As for the fields of an operation: what isn't given doesn't count.
    contents = fingerprint("create_location", name, *filter(None, [extensions, request.inactive]))
    claim = Claim(request_id=request_id, fingerprint=contents, actor=caller.actor)
    return claim, NewLocation(name=name, active=not request.inactive, extensions=extensions)


def location_change(request: pb.UpdateLocationRequest) -> tuple[int, Change]:
    """What UpdateLocation is asked: which location, and how it changes."""
    read = Reading()
    location = request.location
    location_id = read.identifier("location.location_id", location.location_id)
    revision = read.etag("location.etag", location.etag)
    mask, vendors = read_mask(read, "update_mask", request.update_mask, ("name", "active"))
    values: dict[str, object] = _new_extensions(read, "location.extensions", location, mask, vendors)
    if "name" in mask:
        values["name"] = read.text("location.name", location.name, max_length=NAME_CHARS_MAX, required=True)
    if "active" in mask:
        values["active"] = location.active
    read.finish()
    return location_id, Change(revision, values, () if MASK in mask else vendors)


def item(request: pb.RegisterItemRequest, caller: Caller) -> Item:
    """What RegisterItem is told. A cost from a caller who may not see costs is read, and then ignored."""
    read = Reading()
    message = request.item
    item_id = _bounded(read, "item.item_id", message.item_id, ID_MAX)
    version = read.identifier("item.version", message.version)
    tracking = TRACKINGS.get(read.choice("item.tracking", message.tracking, pb.Tracking), Tracking.NONE)
    if not 0 <= message.quantity_scale <= 6:
        read.violation("item.quantity_scale", "is not between 0 and 6")
    elif tracking is Tracking.SERIAL and message.quantity_scale:
        read.violation("item.quantity_scale", "is not 0, though units with serial numbers are whole")
    cost = unit_cost(read, "item.standard_cost", message.standard_cost) if message.HasField("standard_cost") else None
    read.finish()
    return Item(
        item_id=item_id,
        version=version,
        tracking=tracking,
        quantity_scale=message.quantity_scale,
        archived=message.archived,
        standard_cost=cost if caller.may(COSTS_VIEW) else None,
    )


def item_id(request: pb.UnregisterItemRequest) -> int:
    """What UnregisterItem is asked."""
    return _only_identifier("item_id", request.item_id)


def new_position(request: pb.OpenPositionRequest, caller: Caller) -> tuple[Claim, ItemAtLocation, PositionTerms]:
    """What OpenPosition is asked."""
    read = Reading()
    request_id = read.request_id("request_id", request.request_id)
    position = request.position
    pair = ItemAtLocation(
        read.identifier("position.item_id", position.item_id),
        read.identifier("position.location_id", position.location_id),
    )
    terms = PositionTerms(
        **{name: read_term(read, position) for name, read_term in _TERMS.items()},
        extensions=read_extensions(read, "position.extensions", position.extensions),
    )
    if terms.maximum is not None and terms.maximum < terms.minimum:
        read.violation("position.maximum", "is less than the minimum")
    read.finish()
    contents = fingerprint("open_position", pair, terms)
    return Claim(request_id=request_id, fingerprint=contents, actor=caller.actor), pair, terms


def position_change(request: pb.UpdatePositionRequest) -> tuple[int, Change]:
    """What UpdatePosition is asked: which position, and how it changes."""
    read = Reading()
    position = request.position
    position_id = read.identifier("position.position_id", position.position_id)
    revision = read.etag("position.etag", position.etag)
    mask, vendors = read_mask(read, "update_mask", request.update_mask, tuple(_TERMS))
    values = {name: read_term(read, position) for name, read_term in _TERMS.items() if name in mask}
    values |= _new_extensions(read, "position.extensions", position, mask, vendors)
    read.finish()
    return position_id, Change(revision, values, () if MASK in mask else vendors)


def _new_extensions(
    read: Reading, path: str, message: pb.Location | pb.Position, mask: Collection[str], vendors: Collection[str]
) -> dict[str, object]:
    """The new values of the extensions, if any of them change."""
    return {"extensions": read_extensions(read, path, message.extensions)} if vendors or MASK in mask else {}


def _bin(read: Reading, position: pb.Position) -> str:
    return read.text("position.bin", position.bin, max_length=TERM_CHARS_MAX)


def _reference_number(read: Reading, position: pb.Position) -> str:
    return read.text("position.reference_number", position.reference_number, max_length=TERM_CHARS_MAX)


def _minimum(read: Reading, position: pb.Position) -> Decimal:
    if not position.HasField("minimum"):
        return Decimal(0)
    return read.decimal("position.minimum", position.minimum, minimum=Decimal(0))


def _maximum(read: Reading, position: pb.Position) -> Decimal | None:
    if not position.HasField("maximum"):
        return None
    return read.decimal("position.maximum", position.maximum, minimum=Decimal(0))


_TERMS: Mapping[str, Any] = {
    "bin": _bin,
    "reference_number": _reference_number,
    "minimum": _minimum,
    "maximum": _maximum,
}
"""How each term of a position is read. One that is absent takes its default, also in an update whose mask names it."""


_SWITCHES: Final = ("reason_required", "invoice_number_required", "inactive_location_removal_allowed")


def settings_change(request: pb.UpdateSettingsRequest) -> Change:
    """What UpdateSettings is asked: how they change."""
    read = Reading()
    revision = read.etag("settings.etag", request.settings.etag)
    mask = read.mask("update_mask", request.update_mask, (*_SWITCHES, "currency_code"))
    values: dict[str, object] = {name: getattr(request.settings, name) for name in _SWITCHES if name in mask}
    if "currency_code" in mask:
        values["currency_code"] = currency_code(read, "settings.currency_code", request.settings.currency_code)
    read.finish()
    return Change(revision, values)


def _bounded(read: Reading, path: str, value: int, maximum: int) -> int:
    if value > maximum:
        read.violation(path, f"is greater than {maximum}")
    return read.identifier(path, value)


# --- reads --------------------------------------------------------------------------------------------------------


def location_id(request: pb.GetLocationRequest) -> int:
    """What GetLocation is asked."""
    return _only_identifier("location_id", request.location_id)


def stocked_item_id(request: pb.GetStockedItemRequest) -> int:
    """What GetStockedItem is asked."""
    return _only_identifier("stocked_item_id", request.stocked_item_id)


def _only_identifier(path: str, value: int) -> int:
    read = Reading()
    identifier = read.identifier(path, value)
    read.finish()
    return identifier


def position_asked(request: pb.GetPositionRequest) -> PositionAsked:
    """What GetPosition is asked."""
    read = Reading()
    name: ItemAtLocation | PositionId
    match request.WhichOneof("key"):
        case "position_id":
            name = PositionId(read.identifier("position_id", request.position_id))
        case "item_at_location":
            name = item_at_location(read, "item_at_location", request.item_at_location)
        case _:
            read.violation("key", "is required: exactly one of position_id and item_at_location")
            name = PositionId(0)
    as_of = read_as_of(read, request)
    read.finish()
    return PositionAsked(name, as_of)
