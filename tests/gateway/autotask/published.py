"""What Autotask says of the fields of its entities, written down apart from the gateway's own tables.

A line is: name, type, length of a string, flags, and the entity that it refers to. The flags are

    R       must be given when a record is created
    RO      set by the server
    CO      must be given when a record is created, and never changes
    F       never changes after a record was created
    hidden  can't be queried

From the pages of Autotask's REST help about each entity, and from its field metadata where the two differ in age.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Published:
    """One field as it is published."""

    name: str
    data_type: str
    length: int | None
    flags: frozenset[str]
    reference: str

    @classmethod
    def parse(cls, line: str) -> "Published":
        """The field that a line says."""
        name, data_type, *rest = line.split()
        length = next((int(word) for word in rest if word.isdigit()), None)
        reference = next((word.removeprefix(ARROW) for word in rest if word.startswith(ARROW)), "")
        flags = FLAGS.intersection(rest)
        assert len(flags) + (length is not None) + bool(reference) == len(rest), line
        return cls(name, data_type, length, flags, reference)


ARROW: Final = "->"
FLAGS: Final = frozenset({"R", "RO", "CO", "F", "hidden"})

_LINES: Final = {
    "Products": """
        id long RO
        name string 1000 R
        isActive boolean R
        isSerialized boolean R
        productBillingCodeID integer R ->BillingCodes
        chargeBillingCodeID integer ->BillingCodes
        description string 8000
        sku string 50
        link string 500
        productCategory integer
        defaultVendorID integer ->Companies
        vendorProductNumber string 50
        manufacturerProductName string 50
        externalProductID string 50
        internalProductID string 50
        manufacturerName string 100
        unitCost double
        unitPrice double
        msrp double
        markupRate double RO
        periodType integer
        billingType integer F
        priceCostMethod integer F
        doesNotRequireProcurement boolean
        isEligibleForRma boolean
        defaultInstalledProductCategoryID integer
        createdByResourceID integer RO ->Resources
        createdTime datetime RO
        impersonatorCreatorResourceID integer RO ->Resources
    """,
    "InventoryLocations": """
        id long RO
        locationName string 50 R
        isActive boolean R
        isDefault boolean
        resourceID integer RO ->Resources
        impersonatorCreatorResourceID integer RO ->Resources
    """,
    "InventoryItems": """
        id long RO
        productID integer CO ->Products
        inventoryLocationID integer CO ->InventoryLocations
        quantityMinimum integer R
        quantityMaximum integer R
        quantityOnHand integer R
        quantityOnOrder integer RO
        backOrderQuantity integer RO
        quantityReserved integer RO
        quantityPicked integer RO
        bin string 50
        referenceNumber string 50
        impersonatorCreatorResourceID integer RO ->Resources
    """,
    "InventoryProducts": """
        id long RO
        productID integer CO ->Products
        inventoryLocationID integer CO ->InventoryLocations
        quantityMinimum integer R
        quantityMaximum integer R
        bin string 50
        referenceNumber string 50
        onHandUnits integer RO
        availableUnits integer RO
        reservedUnits integer RO
        pickedUnits integer RO
        unitsOnOrder integer RO
        backOrderQuantity integer RO
        createDateTime datetime RO
        createdByResourceID integer RO ->Resources
    """,
    "InventoryStockedItems": """
        id long RO
        inventoryProductID integer RO ->InventoryProducts
        currentInventoryLocationID integer RO ->InventoryLocations
        parentInventoryStockedItemID integer RO ->InventoryStockedItems
        onHandUnits integer RO
        availableUnits integer RO
        reservedUnits integer RO
        pickedUnits integer RO
        deliveredUnits integer RO
        transferredUnits integer RO
        removedUnits integer RO
        parentStockedItemReceivedUnits integer RO hidden
        purchaseOrderID integer RO ->PurchaseOrders
        purchaseOrderItemID integer RO ->PurchaseOrderItems
        purchaseOrderItemReceivingID integer RO ->PurchaseOrderItemReceiving
        vendorID integer RO ->Companies
        vendorInvoiceNumber string RO
        createDateTime datetime RO
        createdByResourceID integer RO ->Resources
        companyID integer RO ->Companies
        configurationItemID integer RO ->ConfigurationItems
        contractChargeID integer RO ->ContractCharges
        projectChargeID integer RO ->ProjectCharges
        ticketChargeID integer RO ->TicketCharges
        quoteItemID integer RO ->QuoteItems
        pickedRemovedByResourceID integer RO ->Resources
        pickedRemovedDateTime datetime RO
        unitCost double R
        returnPrice double
        returnTypeID integer
        statusID integer RO
        serialNumber string
    """,
    "InventoryStockedItemsAdd": """
        id long RO hidden
        inventoryProductID integer R hidden ->InventoryProducts
        vendorID integer R hidden ->Companies
        quantityBeingAdded integer R hidden
        serialNumber string hidden
        determineCostUsing integer R hidden
        unitCost double hidden
        determineNewPriceUsing integer hidden
        pricePercentage double hidden
        returnPrice double hidden
        returnTypeID integer hidden
        reasonForUpdate string 500 hidden
        vendorInvoiceNumber string hidden
    """,
    "InventoryStockedItemsRemove": """
        id long RO hidden
        inventoryStockedItemID integer hidden ->InventoryStockedItems
        inventoryProductID integer hidden ->InventoryProducts
        quantityBeingRemoved integer R hidden
        reasonForUpdate string 500 hidden
    """,
}

PICKLISTS: Final = {
    "Products": {"periodType", "billingType", "priceCostMethod"},
    "InventoryStockedItemsAdd": {"determineCostUsing", "determineNewPriceUsing"},
}
"""The fields whose values are listed. The categories of products and the states of units are each tenant's own."""

OURS: Final = {
    "InventoryProducts": {"impersonatorCreatorResourceID"},
    "InventoryStockedItems": {"productID"},
}
"""Fields that only the gateway has: the first as other entities do, the second because one of Autotask's examples asks for it."""

PUBLISHED: Final = {
    entity: tuple(Published.parse(line) for line in text.strip().splitlines()) for entity, text in _LINES.items()
}
