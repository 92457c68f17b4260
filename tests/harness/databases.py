"""Databases to spoil: each is a fresh copy of one that was migrated once, so that it costs a tenth of a second."""

from dataclasses import dataclass
from itertools import count

from storekeeper_cli.postgres import EmbeddedPostgres
from storekeeper_kit.migrations import upgrade

SERVICE = "stockledger"
PACKAGE = "storekeeper_stockledger"
ROLE = "storekeeper_stockledger"


@dataclass(frozen=True, slots=True)
class ServiceDatabase:
    """How to connect to a service's database: as the service, as the owner of its tables, and as nobody may."""

    name: str
    service_url: str
    owner_url: str
    superuser_url: str


class ServiceDatabases:
    """Makes migrated databases of one service on a running server."""

    def __init__(self, postgres: EmbeddedPostgres, service: str) -> None:
        self._postgres = postgres
        self._service = service
        self._numbers = count(1)
        self._template = f"{service}_template"
        urls = postgres.create_service_database(service, database=self._template)
        upgrade(f"storekeeper_{service}", urls.owner, f"storekeeper_{service}")

    def create(self) -> ServiceDatabase:
        """Another one, with all tables and nothing in them."""
        name = f"{self._service}_{next(self._numbers)}"
        urls = self._postgres.create_service_database(self._service, database=name, template=self._template)
        return ServiceDatabase(name, urls.service, urls.owner, self._postgres.superuser_url(name))

    def drop(self, database: ServiceDatabase) -> None:
        """Drop it, whoever is connected."""
        self._postgres.drop_database(database.name)


LedgerDatabase = ServiceDatabase
CatalogDatabase = ServiceDatabase


class LedgerDatabases(ServiceDatabases):
    """Databases of stock ledgers."""

    def __init__(self, postgres: EmbeddedPostgres) -> None:
        super().__init__(postgres, SERVICE)
