"""The catalog's tables, as the migrations leave them. Every key leads with `tenant_id`, so that they can be distributed by it."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
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

from ..domain.item import ID_MAX

metadata = MetaData()


def _time(name: str) -> Column[datetime]:
    return Column(name, DateTime(timezone=True), nullable=False)


def _ordered_text(name: str) -> Column[str]:
    """Ordered by code points, so that lists, filters and indexes agree whatever the database's own order is."""
    return Column(name, Text(collation="C"), nullable=False)


item = Table(
    "item",
    metadata,
    Column("tenant_id", BigInteger, nullable=False),
    Column("item_id", BigInteger, Identity(maxvalue=ID_MAX), nullable=False),
    _ordered_text("sku"),
    _ordered_text("name"),
    Column("description", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("tracking", Text, nullable=False),
    Column("quantity_scale", SmallInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("unit_cost", Numeric(22, 10)),
    Column("currency_code", Text),
    Column("extensions", JSONB, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("request_id", Uuid(as_uuid=False), nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    _time("create_time"),
    _time("update_time"),
    PrimaryKeyConstraint("tenant_id", "item_id"),
    UniqueConstraint("tenant_id", "request_id", name="item_request_id_key"),
    CheckConstraint(
        "quantity_scale BETWEEN 0 AND 6 AND (tracking <> 'serial' OR quantity_scale = 0)",
        name="item_quantity_scale_check",
    ),
    CheckConstraint(
        "(unit_cost IS NULL) = (currency_code IS NULL) AND unit_cost >= 0",
        name="item_unit_cost_check",
    ),
    # An item may do without a sku; two may not share one.
    Index("item_sku_key", "tenant_id", "sku", unique=True, postgresql_where=text("sku <> ''")),
    # For clients that ask again and again what has changed.
    Index("item_update_time_index", "tenant_id", "update_time", "item_id"),
)

registration = Table(
    "registration",
    metadata,
    Column("tenant_id", BigInteger, nullable=False),
    Column("item_id", BigInteger, nullable=False),
    # The version that made it; one that is registered by then settles it.
    Column("version", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    _time("next_attempt_time"),
    Column("refused_reason", Text),
    Column("refused_message", Text),
    PrimaryKeyConstraint("tenant_id", "item_id"),
    ForeignKeyConstraint(["tenant_id", "item_id"], ["item.tenant_id", "item.item_id"]),
    CheckConstraint(
        "(refused_reason IS NULL) = (refused_message IS NULL)",
        name="registration_refused_check",
    ),
)
"""The outbox: of each item here, the stock ledger has to hear."""
