"""Everything that a catalog's database holds."""

from storekeeper_catalog.storage.tables import metadata
from tests.harness.databases import CatalogDatabase
from tests.harness.dump import ServiceDump


class Dump(ServiceDump):
    """The tables of a catalog."""

    def __init__(self, database: CatalogDatabase) -> None:
        super().__init__(database, metadata)
