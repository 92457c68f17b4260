"""Databases to spoil: each is a fresh copy of one that was migrated once, so that it costs a tenth of a second."""

from dataclasses import dataclass
from itertools import count

from storekeeper_cli.postgres import EmbeddedPostgres
from storekeeper_kit.migrations import upgrade

SERVICE = "stockledger"
PACKAGE = "storekeeper_stockledger"
ROLE = "storekeeper_stockledger"


@dataclass(frozen=True, slots=True)
class LedgerDatabase:
    """How to connect to a ledger's database: as the service, as the owner of its tables, and as nobody may."""

    name: str
    service_url: str
    owner_url: str
    superuser_url: str


class LedgerDatabases:
    """Makes migrated databases on a running server."""

    def __init__(self, postgres: EmbeddedPostgres) -> None:
        self._postgres = postgres
        self._numbers = count(1)
        self._template = "ledger_template"
        urls = postgres.create_service_database(SERVICE, database=self._template)
        upgrade(PACKAGE, urls.owner, ROLE)

    def create(self) -> LedgerDatabase:
        """Another one, with all tables and nothing in them."""
        name = f"ledger_{next(self._numbers)}"
        urls = self._postgres.create_service_database(SERVICE, database=name, template=self._template)
        return LedgerDatabase(name, urls.service, urls.owner, self._postgres.superuser_url(name))

    def drop(self, database: LedgerDatabase) -> None:
        """Drop it, whoever is connected."""
        self._postgres.drop_database(database.name)
