"""Everything that a ledger's database holds."""

from storekeeper_stockledger.storage.tables import metadata
from tests.harness.databases import LedgerDatabase
from tests.harness.dump import ServiceDump


class Dump(ServiceDump):
    """The tables of a ledger."""

    def __init__(self, database: LedgerDatabase) -> None:
        super().__init__(database, metadata)
