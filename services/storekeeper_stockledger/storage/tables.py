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


def _time(name: str) -> Column[datetime]:
    return Column(name, DateTime(timezone=True), nullable=False)


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
    Column("creator", Text, nullable=False, server_default=text("''")),
    Column("close_time", DateTime(timezone=True)),
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
    PrimaryKeyConstraint("tenant_id", "stocked_item_id"),
    ForeignKeyConstraint(["tenant_id", "position_id"], ["position.tenant_id", "position.position_id"]),
    CheckConstraint(" AND ".join(f"{place} >= 0" for place in PLACE_NAMES), name="stocked_item_places_check"),
    CheckConstraint(f"received = {' + '.join(PLACE_NAMES)}", name="stocked_item_received_check"),
    CheckConstraint("open = (available + reserved + picked > 0)", name="stocked_item_open_check"),
    CheckConstraint(
        "(value IS NULL) = (unit_cost IS NULL) AND value >= 0 AND (open OR value = 0)", name="stocked_item_value_check"
    ),
    CheckConstraint("serial_number = '' OR received = 1", name="stocked_item_serial_check"),
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
    Column("request_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("movement_count", Integer, nullable=False),
    Column("last_movement_id", BigInteger, nullable=False),
    _time("effective_time"),
    _time("record_time"),
    Column("chain_hash", LargeBinary),
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
    Column("stocked_item_id", BigInteger, nullable=False),
    Column("position_id", BigInteger, nullable=False),
    Column("quantity", Numeric(18, 6), nullable=False),
    Column("amount", Numeric(22, 4)),
    Column("reference", Text, nullable=False),
    _time("effective_time"),
    _time("record_time"),
    *(Column(f"{name}_after", Numeric(18, 6), nullable=False) for name in ("received", *PLACE_NAMES)),
    Column("value_after", Numeric(22, 4)),
    *(
        Column(f"position_{name}_after", Numeric(18, 6), nullable=False)
        for name in ("available", "reserved", "picked", "on_order")
    ),
    PrimaryKeyConstraint("tenant_id", "movement_id"),
    CheckConstraint("quantity > 0", name="movement_quantity_check"),
    Index("movement_position_index", "tenant_id", "position_id", "movement_id"),
    Index("movement_stocked_item_index", "tenant_id", "stocked_item_id", "movement_id"),
)
