"""A catalog in a process of its own."""

from pathlib import Path

from tests.harness.service_process import ServiceProcess

NAME = "storekeeper.catalog.v1.Catalog"


class CatalogProcess(ServiceProcess):
    """The catalog, which registers its items with the stock ledger at an address."""

    def __init__(self, database_url: str, stockledger_target: str, folder: Path, **variables: str) -> None:
        super().__init__("catalog", NAME, database_url, folder, STOCKLEDGER_TARGET=stockledger_target, **variables)
