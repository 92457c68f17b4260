"""A stock ledger in a process of its own."""

from pathlib import Path

from tests.harness.service_process import NOT_SERVING, SERVING, ServiceProcess

__all__ = ["NOT_SERVING", "SERVING", "LedgerProcess"]

NAME = "storekeeper.stockledger.v1.StockLedger"


class LedgerProcess(ServiceProcess):
    """The stock ledger."""

    def __init__(self, database_url: str, folder: Path, **variables: str) -> None:
        super().__init__("stockledger", NAME, database_url, folder, **variables)
