"""Autotask's entities, field by field: names, types and flags (Autotask REST, one page for each entity).

What only Autotask knows is kept as it was sent, under `extensions.autotask`: such as ids of companies, billing codes and
resources, which have no home here. What nothing of ours corresponds to has no path, and is always null.
"""

from typing import Any, Final

from ...mapping import Choice, Field, FieldType, Table
from .types import BOOLEAN, DATETIME, DOUBLE, INTEGER, LONG, UNITS, Flag, Text

KEPT: Final = "extensions.autotask."
"""Where what only Autotask knows is kept."""

IMPERSONATOR: Final = Field(
    "impersonatorCreatorResourceID",
    f"{KEPT}impersonatorCreatorResourceID",
    INTEGER,
    read_only=True,
    reference="Resources",
)
"""Who a row was created for, as the header ImpersonationResourceId says."""


def _kept(name: str, type_: FieldType, **flags: Any) -> Field:
    return Field(name, f"{KEPT}{name}", type_, **flags)


def _absent(name: str, type_: FieldType, reference: str = "") -> Field:
    return Field(name, None, type_, read_only=True, reference=reference)


# --- what is stocked: Autotask REST, Products ----------------------------------------------------------------------

PERIODS: Final = (
    Choice(1, "One-Time"),
    Choice(2, "Monthly"),
    Choice(3, "Quarterly"),
    Choice(4, "Semi-Annual"),
    Choice(5, "Yearly"),
)
BILLING_TYPES: Final = (Choice(1, "Standard"), Choice(2, "Non-Standard"))
PRICE_COST_METHODS: Final = (Choice(1, "Flat"), Choice(2, "Tiered"))

PRODUCT: Final = Table(
    Field("id", "item_id", LONG, read_only=True),
    Field("name", "name", Text(1000), required=True),
    Field("isActive", "state", Flag(true="ACTIVE", false="ARCHIVED"), required=True),
    Field("isSerialized", "tracking", Flag(true="SERIAL", false="NONE"), required=True),
    Field("description", "description", Text(8000)),
    Field("sku", "sku", Text(50)),
    Field("unitCost", "unit_cost.value", DOUBLE),
    Field("createdTime", "create_time", DATETIME, read_only=True),
    _kept("productBillingCodeID", INTEGER, required=True, reference="BillingCodes"),
    _kept("chargeBillingCodeID", INTEGER, reference="BillingCodes"),
    _kept("link", Text(500)),
    _kept("productCategory", INTEGER),
    _kept("defaultVendorID", INTEGER, reference="Companies"),
    _kept("vendorProductNumber", Text(50)),
    _kept("manufacturerName", Text(100)),
    _kept("manufacturerProductName", Text(50)),
    _kept("externalProductID", Text(50)),
    _kept("internalProductID", Text(50)),
    _kept("unitPrice", DOUBLE),
    _kept("msrp", DOUBLE),
    # The labels are the same everywhere, the numbers differ from tenant to tenant: others are kept as they are given.
    _kept("periodType", INTEGER, picklist=PERIODS, is_open=True),
    _kept("billingType", INTEGER, fixed=True, picklist=BILLING_TYPES, is_open=True),
    _kept("priceCostMethod", INTEGER, fixed=True, picklist=PRICE_COST_METHODS, is_open=True),
    _kept("doesNotRequireProcurement", BOOLEAN),
    _kept("isEligibleForRma", BOOLEAN),
    _kept("defaultInstalledProductCategoryID", INTEGER),
    IMPERSONATOR,
    _absent("markupRate", DOUBLE),
    _absent("createdByResourceID", INTEGER, "Resources"),
)

# --- where it is stocked: Autotask REST, InventoryLocations --------------------------------------------------------

INVENTORY_LOCATION: Final = Table(
    Field("id", "location_id", LONG, read_only=True),
    Field("locationName", "name", Text(50), required=True),
    Field("isActive", "active", BOOLEAN, required=True),
    _kept("isDefault", BOOLEAN),
    IMPERSONATOR,
    _absent("resourceID", INTEGER, "Resources"),
)

# --- one product at one location -----------------------------------------------------------------------------------

_PRODUCT_ID: Final = Field("productID", "item_id", INTEGER, required=True, fixed=True, reference="Products")
_LOCATION_ID: Final = Field(
    "inventoryLocationID", "location_id", INTEGER, required=True, fixed=True, reference="InventoryLocations"
)
_MINIMUM: Final = Field("quantityMinimum", "minimum", UNITS, required=True)
_MAXIMUM: Final = Field("quantityMaximum", "maximum", UNITS, required=True)
_BIN: Final = Field("bin", "bin", Text(50))
_REFERENCE_NUMBER: Final = Field("referenceNumber", "reference_number", Text(50))

# Autotask REST, InventoryProducts: since release 2022.1.
INVENTORY_PRODUCT: Final = Table(
    Field("id", "position_id", LONG, read_only=True),
    _PRODUCT_ID,
    _LOCATION_ID,
    _MINIMUM,
    _MAXIMUM,
    _BIN,
    _REFERENCE_NUMBER,
    Field("onHandUnits", "totals.on_hand", UNITS, read_only=True),
    Field("availableUnits", "totals.available", UNITS, read_only=True),
    Field("reservedUnits", "totals.reserved", UNITS, read_only=True),
    Field("pickedUnits", "totals.picked", UNITS, read_only=True),
    Field("unitsOnOrder", "totals.on_order", UNITS, read_only=True),
    Field("createDateTime", "create_time", DATETIME, read_only=True),
    IMPERSONATOR,
    _absent("backOrderQuantity", UNITS),
    _absent("createdByResourceID", INTEGER, "Resources"),
)

# Autotask REST, InventoryItems: the same thing as it was before that release, still there for older clients.
INVENTORY_ITEM: Final = Table(
    Field("id", "position_id", LONG, read_only=True),
    _PRODUCT_ID,
    _LOCATION_ID,
    _MINIMUM,
    _MAXIMUM,
    Field("quantityOnHand", "totals.on_hand", UNITS, required=True),
    Field("quantityOnOrder", "totals.on_order", UNITS, read_only=True),
    Field("quantityReserved", "totals.reserved", UNITS, read_only=True),
    Field("quantityPicked", "totals.picked", UNITS, read_only=True),
    _BIN,
    _REFERENCE_NUMBER,
    IMPERSONATOR,
    _absent("backOrderQuantity", UNITS),
)

# --- units that came together: Autotask REST, InventoryStockedItems ------------------------------------------------

INVENTORY_STOCKED_ITEM: Final = Table(
    Field("id", "stocked_item_id", LONG, read_only=True),
    Field("inventoryProductID", "position_id", INTEGER, read_only=True, reference="InventoryProducts"),
    Field("currentInventoryLocationID", "location_id", INTEGER, read_only=True, reference="InventoryLocations"),
    Field("productID", "item_id", INTEGER, read_only=True, reference="Products"),
    # A row counts free units only: what is reserved or picked is in columns of its own.
    Field("onHandUnits", "places.available", UNITS, read_only=True),
    Field("availableUnits", "places.available", UNITS, read_only=True, repeats=True),
    Field("reservedUnits", "places.reserved", UNITS, read_only=True),
    Field("pickedUnits", "places.picked", UNITS, read_only=True),
    Field("deliveredUnits", "places.delivered", UNITS, read_only=True),
    Field("transferredUnits", "places.transferred", UNITS, read_only=True),
    Field("removedUnits", "places.removed", UNITS, read_only=True),
    Field("serialNumber", "serial_number", Text(100)),
    Field("unitCost", "unit_cost.value", DOUBLE, required=True),
    # Their age: what "oldest first" goes by.
    Field("createDateTime", "receive_time", DATETIME, read_only=True),
    _kept("vendorID", INTEGER, read_only=True, reference="Companies"),
    _kept("vendorInvoiceNumber", Text(50), read_only=True),
    _kept("returnPrice", DOUBLE),
    _kept("returnTypeID", INTEGER),
    _absent("statusID", INTEGER),
    _absent("parentInventoryStockedItemID", INTEGER, "InventoryStockedItems"),
    Field("parentStockedItemReceivedUnits", None, UNITS, read_only=True, queryable=False),
    _absent("purchaseOrderID", INTEGER, "PurchaseOrders"),
    _absent("purchaseOrderItemID", INTEGER, "PurchaseOrderItems"),
    _absent("purchaseOrderItemReceivingID", INTEGER, "PurchaseOrderItemReceiving"),
    _absent("createdByResourceID", INTEGER, "Resources"),
    _absent("companyID", INTEGER, "Companies"),
    _absent("configurationItemID", INTEGER, "ConfigurationItems"),
    _absent("contractChargeID", INTEGER, "ContractCharges"),
    _absent("projectChargeID", INTEGER, "ProjectCharges"),
    _absent("ticketChargeID", INTEGER, "TicketCharges"),
    _absent("quoteItemID", INTEGER, "QuoteItems"),
    _absent("pickedRemovedByResourceID", INTEGER, "Resources"),
    _absent("pickedRemovedDateTime", DATETIME),
)

# --- what is done to stock: Autotask REST, InventoryStockedItemsAdd and InventoryStockedItemsRemove ----------------

COST_METHODS: Final = (
    Choice(1, "Average Cost"),
    Choice(2, "Last Received Cost"),
    Choice(3, "Product Catalog Cost"),
    Choice(4, "Manual"),
)
PRICE_METHODS: Final = (
    Choice(1, "Cost of Items"),
    Choice(2, "Percentage of Cost"),
    Choice(3, "Product Catalog Price"),
    Choice(4, "Percentage of Product Catalog Price"),
    Choice(5, "Manual"),
)


def _asked(name: str, path: str, type_: FieldType, **flags: Any) -> Field:
    return Field(name, path, type_, queryable=False, **flags)


def _asked_and_kept(name: str, type_: FieldType, **flags: Any) -> Field:
    return _asked(name, f"{KEPT}{name}", type_, **flags)


_ID: Final = _asked("id", "id", LONG, read_only=True)
_REASON: Final = _asked("reasonForUpdate", "reason", Text(500))

ADD: Final = Table(
    _ID,
    _asked("inventoryProductID", "position_id", INTEGER, required=True, reference="InventoryProducts"),
    _asked("quantityBeingAdded", "quantity", UNITS, required=True),
    _asked("serialNumber", "serial_number", Text(100)),
    _asked("unitCost", "unit_cost.value", DOUBLE),
    _asked_and_kept("vendorID", INTEGER, required=True, reference="Companies"),
    _asked_and_kept("determineCostUsing", INTEGER, required=True, picklist=COST_METHODS),
    _asked_and_kept("determineNewPriceUsing", INTEGER, picklist=PRICE_METHODS),
    _asked_and_kept("pricePercentage", DOUBLE),
    _asked_and_kept("returnPrice", DOUBLE),
    _asked_and_kept("returnTypeID", INTEGER),
    _asked_and_kept("vendorInvoiceNumber", Text(50)),
    _REASON,
)

REMOVE: Final = Table(
    _ID,
    _asked("inventoryStockedItemID", "source.stocked_item_id", INTEGER, reference="InventoryStockedItems"),
    _asked("inventoryProductID", "source.position_id", INTEGER, reference="InventoryProducts"),
    _asked("quantityBeingRemoved", "quantity", UNITS, required=True),
    _REASON,
)
