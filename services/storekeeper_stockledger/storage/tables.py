"""The ledger's tables, as the migrations leave them.

Every key leads with `tenant_id`, so that the tables can be distributed by it. Quantities are numeric(18,6), unit costs
numeric(22,10), amounts numeric(22,4).
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

ID_MAX = 99_999_999
"""The greatest id of an item or a location: what fits the vendors' narrowest id."""

PLACE_NAMES = ("available", "reserved", "picked", "delivered", "transferred", "removed")
"""The places that are counted. `received` is their sum, always."""


def _quantity(name: str) -> Column[Decimal]:
    return Column(name, Numeric(18, 6), nullable=False, server_default=text("0"))


def _time(name: str, *, nullable: bool = False) -> Column[datetime]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=text("''"))


def _extensions() -> Column[Any]:
    """What only one vendor's API knows, by vendor."""
    return Column("extensions", JSONB, nullable=False, server_default=text("'{}'"))


settings = Table(
    "settings",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("reason_required", Boolean, nullable=False),
    Column("currency_code", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("invoice_number_required", Boolean, nullable=False, server_default=text("false")),
    Column("inactive_location_removal_allowed", Boolean, nullable=False, server_default=text("false")),
)

location = Table(
    "location",
    metadata,
    Column("tenant_id", BigInteger, nullable=False),
    Column("location_id", BigInteger, Identity(maxvalue=ID_MAX), nullable=False),
    Column("name", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("operation_id", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    _time("create_time"),
    _extensions(),
    PrimaryKeyConstraint("tenant_id", "location_id"),
    UniqueConstraint("tenant_id", "name", name="location_name_key"),
    UniqueConstraint("tenant_id", "operation_id", name="location_operation_key"),
)

item = Table(
    "item",
    metadata,
    Column("tenant_id", BigInteger, nullable=False),
    Column("item_id", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("tracking", Text, nullable=False),
    Column("quantity_scale", SmallInteger, nullable=False),
    Column("archived", Boolean, nullable=False, server_default=text("false")),
    Column("standard_cost", Numeric(22, 10)),
    # What the catalog has deleted. It may come back under the same id.
    Column("forgotten", Boolean, nullable=False, server_default=text("false")),
    PrimaryKeyConstraint("tenant_id", "item_id"),
    CheckConstraint("quantity_scale BETWEEN 0 AND 6", name="item_quantity_scale_check"),
)

position = Table(
    "position",
    metadata,
    Column("tenant_id", BigInteger, nullable=False),
    Column("position_id", BigInteger, Identity(), nullable=False),
    Column("item_id", BigInteger, nullable=False),
    Column("location_id", BigInteger, nullable=False),
    Column("bin", Text, nullable=False),
    Column("reference_number", Text, nullable=False),
    _quantity("minimum"),
    Column("maximum", Numeric(18, 6)),
    _quantity("available"),
    _quantity("reserved"),
    _quantity("picked"),
    _quantity("on_order"),
    Column("operation_id", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    _time("create_time"),
    _extensions(),
    _text("creator"),
    _time("close_time", nullable=True),
    # When the first of its reservations expires. Those that have are settled by whoever locks the position next.
    _time("next_expiry", nullable=True),
    PrimaryKeyConstraint("tenant_id", "position_id"),
    ForeignKeyConstraint(["tenant_id", "item_id"], ["item.tenant_id", "item.item_id"]),
    ForeignKeyConstraint(["tenant_id", "location_id"], ["location.tenant_id", "location.location_id"]),
    CheckConstraint("minimum >= 0 AND maximum >= minimum", name="position_bounds_check"),
    CheckConstraint("available >= 0 AND reserved >= 0 AND picked >= 0 AND on_order >= 0", name="position_totals_check"),
    # The release before doesn't know of closed positions, and must not add to one.
    CheckConstraint("close_time IS NULL OR available + reserved + picked + on_order = 0", name="position_closed_check"),
    # An item has one position at a location, not counting those that were closed.
    Index(
        "position_open_key",
        "tenant_id",
        "item_id",
        "location_id",
        unique=True,
        postgresql_where=text("close_time IS NULL"),
    ),
    Index("position_item_index", "tenant_id", "item_id", "position_id"),
    Index("position_location_index", "tenant_id", "location_id", "position_id"),
    Index("position_expiry_index", "tenant_id", "next_expiry", postgresql_where=text("next_expiry IS NOT NULL")),
)

stocked_item = Table(
    "stocked_item",
    metadata,
    Column("tenant_id", BigInteger, nullable=False),
    Column("stocked_item_id", BigInteger, Identity(), nullable=False),
    Column("position_id", BigInteger, nullable=False),
    Column("item_id", BigInteger, nullable=False),
    Column("location_id", BigInteger, nullable=False),
    _time("receive_time"),
    _quantity("received"),
    *(_quantity(place) for place in PLACE_NAMES),
    Column("open", Boolean, nullable=False),
    Column("unit_cost", Numeric(22, 10)),
    Column("value", Numeric(22, 4)),
    Column("lot", Text, nullable=False),
    Column("serial_number", Text, nullable=False),
    _time("create_time"),
    _extensions(),
    _time("expire_time", nullable=True),
    Column("parent_stocked_item_id", BigInteger),
    _text("order_line"),
    _text("invoice_number"),
    # None as long as it expires as it was made to; else the last operation of the batch that changed when. In what order
    # first-expired-first drew until then, and what it passed over as expired, can't be told any more.
    Column("expiry_operation_id", BigInteger),
    PrimaryKeyConstraint("tenant_id", "stocked_item_id"),
    ForeignKeyConstraint(["tenant_id", "position_id"], ["position.tenant_id", "position.position_id"]),
    CheckConstraint(" AND ".join(f"{place} >= 0" for place in PLACE_NAMES), name="stocked_item_places_check"),
    CheckConstraint(f"received = {' + '.join(PLACE_NAMES)}", name="stocked_item_received_check"),
    CheckConstraint("open = (available + reserved + picked > 0)", name="stocked_item_open_check"),
    CheckConstraint(
        "(value IS NULL) = (unit_cost IS NULL) AND value >= 0 AND (open OR value = 0)", name="stocked_item_value_check"
    ),
    # None while the unit is taken back, or on its way to another location.
    CheckConstraint("serial_number = '' OR received IN (0, 1)", name="stocked_item_serial_check"),
    # The line that removals draw on. `open` flips once, so that a change of quantities touches no index.
    Index(
        "stocked_item_line_index",
        "tenant_id",
        "position_id",
        "receive_time",
        "stocked_item_id",
        postgresql_where=text("open"),
    ),
    # One column less than the line: alike, the planner may draw on this one, emptied stocked items and all.
    Index("stocked_item_position_index", "tenant_id", "position_id", "receive_time"),
    # The line in which units expire; those that don't, come after it.
    Index(
        "stocked_item_expiry_index",
        "tenant_id",
        "position_id",
        "expire_time",
        "receive_time",
        "stocked_item_id",
        postgresql_where=text("open AND expire_time IS NOT NULL"),
    ),
    Index(
        "stocked_item_order_line_index",
        "tenant_id",
        "position_id",
        "order_line",
        "receive_time",
        "stocked_item_id",
        postgresql_where=text("open AND order_line <> ''"),
    ),
    Index("stocked_item_item_index", "tenant_id", "item_id", "receive_time", "stocked_item_id"),
    Index("stocked_item_location_index", "tenant_id", "location_id", "receive_time", "stocked_item_id"),
    Index("stocked_item_age_index", "tenant_id", "receive_time", "stocked_item_id"),
    Index(
        "stocked_item_serial_number_index",
        "tenant_id",
        "serial_number",
        "item_id",
        postgresql_where=text("serial_number <> ''"),
    ),
    # A serial number is in stock once. Emptied, it stays in the history and may come again.
    Index(
        "stocked_item_serial_in_stock_key",
        "tenant_id",
        "item_id",
        "serial_number",
        unique=True,
        postgresql_where=text("open AND serial_number <> ''"),
    ),
)

reservation = Table(
    "reservation",
    metadata,
    Column("tenant_id", BigInteger, nullable=False),
    Column("position_id", BigInteger, nullable=False),
    Column("demand", Text, nullable=False),
    Column("stocked_item_id", BigInteger, nullable=False),
    _quantity("reserved"),
    _quantity("picked"),
    _quantity("delivered"),
    Column("delivered_value", Numeric(22, 4)),
    Column("open", Boolean, nullable=False),
    _time("expire_time", nullable=True),
    PrimaryKeyConstraint("tenant_id", "position_id", "demand", "stocked_item_id"),
    ForeignKeyConstraint(["tenant_id", "stocked_item_id"], ["stocked_item.tenant_id", "stocked_item.stocked_item_id"]),
    CheckConstraint("reserved >= 0 AND picked >= 0 AND delivered >= 0", name="reservation_places_check"),
    CheckConstraint("open = (reserved + picked > 0)", name="reservation_open_check"),
    CheckConstraint("delivered_value >= 0 AND (delivered > 0 OR delivered_value = 0)", name="reservation_value_check"),
    CheckConstraint("reserved > 0 OR expire_time IS NULL", name="reservation_expiry_check"),
    Index("reservation_demand_index", "tenant_id", "demand", "position_id", "stocked_item_id"),
    Index("reservation_stocked_item_index", "tenant_id", "stocked_item_id"),
    # What a demand still holds on hand, however much was delivered to it.
    Index("reservation_open_index", "tenant_id", "position_id", "demand", postgresql_where=text("open")),
    Index(
        "reservation_expiry_index",
        "tenant_id",
        "position_id",
        "expire_time",
        postgresql_where=text("expire_time IS NOT NULL"),
    ),
)

expectation = Table(
    "expectation",
    metadata,
    Column("tenant_id", BigInteger, nullable=False),
    Column("position_id", BigInteger, nullable=False),
    Column("order_line", Text, nullable=False),
    _quantity("on_order"),
    _quantity("received"),
    PrimaryKeyConstraint("tenant_id", "position_id", "order_line"),
    ForeignKeyConstraint(["tenant_id", "position_id"], ["position.tenant_id", "position.position_id"]),
    CheckConstraint("on_order >= 0 AND received >= 0", name="expectation_units_check"),
    Index("expectation_order_line_index", "tenant_id", "order_line", "position_id"),
)

journal_head = Table(
    "journal_head",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("last_operation_id", BigInteger, nullable=False),
    Column("last_movement_id", BigInteger, nullable=False),
    _time("record_time"),
    Column("chain_hash", LargeBinary, nullable=False),
)

operation = Table(
    "operation",
    metadata,
    Column("tenant_id", BigInteger, nullable=False),
    Column("operation_id", BigInteger, nullable=False),
    Column("request_id", Uuid(as_uuid=False), nullable=False),
    Column("kind", Text, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("movement_count", Integer, nullable=False),
    Column("last_movement_id", BigInteger, nullable=False),
    _time("effective_time"),
    _time("record_time"),
    Column("chain_hash", LargeBinary),
    _text("draws"),
    PrimaryKeyConstraint("tenant_id", "operation_id"),
    UniqueConstraint("tenant_id", "request_id", name="operation_request_id_key"),
    Index("operation_record_time_index", "tenant_id", "record_time", "operation_id"),
)

movement = Table(
    "movement",
    metadata,
    Column("tenant_id", BigInteger, nullable=False),
    Column("movement_id", BigInteger, nullable=False),
    Column("operation_id", BigInteger, nullable=False),
    Column("line", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    # None where units are only expected.
    Column("stocked_item_id", BigInteger),
    Column("position_id", BigInteger, nullable=False),
    Column("quantity", Numeric(18, 6), nullable=False),
    Column("amount", Numeric(22, 4)),
    Column("reference", Text, nullable=False),
    _time("effective_time"),
    _time("record_time"),
    *(Column(f"{name}_after", Numeric(18, 6)) for name in ("received", *PLACE_NAMES)),
    Column("value_after", Numeric(22, 4)),
    *(
        Column(f"position_{name}_after", Numeric(18, 6), nullable=False)
        for name in ("available", "reserved", "picked", "on_order")
    ),
    _text("demand"),
    _text("order_line"),
    Column("reversed_movement_id", BigInteger),
    Column("unit_cost", Numeric(22, 10)),
    PrimaryKeyConstraint("tenant_id", "movement_id"),
    CheckConstraint("quantity > 0", name="movement_quantity_check"),
    Index("movement_position_index", "tenant_id", "position_id", "movement_id"),
    Index("movement_stocked_item_index", "tenant_id", "stocked_item_id", "movement_id"),
)
