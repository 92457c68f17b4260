"""The programs that ``up`` keeps running: their names, where they listen, and their variables."""

import os
import socket
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from storekeeper_cli import health
from storekeeper_cli.ports import free_port
from storekeeper_cli.postgres import Urls
from storekeeper_cli.problem import Problem
from storekeeper_cli.program import Program
from storekeeper_kit.config import ConfigurationError

# An earlier ``up`` that was killed a moment ago leaves its ports for as long as its services take to end.
PORT_PATIENCE_S = 0.5
POLL_INTERVAL_S = 0.05
PORT_MAX = 65535
# Shorter than a server's own default, because ``up`` stops everything within five seconds.
STOP_GRACE_S = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(ABC):
    """One service: ``python -m <package>`` with its variables."""

    name: str
    title: str
    default_listen: str
    # The services that it calls: it is told where they listen.
    calls: tuple["Service", ...] = ()

    @property
    def package(self) -> str:
        """The Python package that is run."""
        return f"storekeeper_{self.name}"

    def variable(self, name: str) -> str:
        """One of the service's own variables."""
        return f"STOREKEEPER_{self.name}_{name}".upper()

    @abstractmethod
    async def serves(self, address: str) -> bool:
        """Whether it answers there, and says that it is ready for work."""

    def configured_address(self) -> str:
        """Where it is expected to listen."""
        return os.environ.get(self.variable("LISTEN")) or self.default_listen

    def address(self) -> str:
        """Where it will listen; a free port is settled here, so that we know it too."""
        host, _, port = self.configured_address().rpartition(":")
        if not host or not port.isdigit() or int(port) > PORT_MAX:
            raise ConfigurationError([f"{self.variable('LISTEN')}: should be like {self.default_listen}"])
        return f"{host}:{_claim(host, int(port) or free_port(), self)}"

    def server(self, addresses: Mapping["Service", str], urls: Urls | None = None) -> Program:
        """The program that serves, from its database if it has one. What it need not know of databases is kept from it."""
        return Program(
            name=self.name,
            # -P: what lies in the current folder is not imported.
            command=(sys.executable, "-P", "-m", self.package),
            environment={
                self.variable("STOP_GRACE_S"): str(STOP_GRACE_S),
                **{name: value for name, value in os.environ.items() if not names_a_database(name)},
                self.variable("LISTEN"): addresses[self],
                **{self.variable(f"{callee.name}_TARGET"): addresses[callee] for callee in self.calls},
                **({self.variable("DATABASE_URL"): urls.service} if urls else {}),
                "STOREKEEPER_LOG_FORMAT": "json",
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcService(Service):
    """A service over gRPC, which keeps its data in a database of its own."""

    # What clients call, and what its health is asked under.
    grpc_service: str
    # A method that answers an empty request, to show a call that works.
    example_method: str

    async def serves(self, address: str) -> bool:
        """As its health says."""
        return await health.is_serving(address, self.grpc_service)

    def given_urls(self) -> Urls | None:
        """The database that the environment names; None if it names none and wants one of ours."""
        urls = {name: os.environ.get(name, "") for name in self._url_variables}
        missing = [name for name, url in urls.items() if not url]
        if len(missing) == 1:
            present = next(name for name, url in urls.items() if url)
            raise ConfigurationError(
                [f"{missing[0]} is not set, but {present} is: set both, or neither to get a PostgreSQL of our own"]
            )
        return None if missing else Urls(*urls.values())

    def migration(self, urls: Urls) -> Program:
        """The program that brings the database's tables up to date, and ends."""
        return Program(
            name=f"{self.name}-migrate",
            command=(sys.executable, "-P", "-m", "storekeeper_cli", "migrate", self.name),
            environment={
                **os.environ,
                **dict(zip(self._url_variables, (urls.service, urls.owner), strict=True)),
                "STOREKEEPER_LOG_FORMAT": "json",
            },
        )

    @property
    def _url_variables(self) -> tuple[str, str]:
        return self.variable("DATABASE_URL"), self.variable("OWNER_DATABASE_URL")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpService(Service):
    """A service over HTTP, which has no database: what it knows, it asks of others."""

    async def serves(self, address: str) -> bool:
        """As its page for that says."""
        return await health.is_ready(address)


STOCK_LEDGER = GrpcService(
    name="stockledger",
    title="Stock ledger",
    default_listen="127.0.0.1:50052",
    grpc_service="storekeeper.stockledger.v1.StockLedger",
    example_method="ListLocations",
)
CATALOG = GrpcService(
    name="catalog",
    title="Catalog",
    default_listen="127.0.0.1:50051",
    calls=(STOCK_LEDGER,),
    grpc_service="storekeeper.catalog.v1.Catalog",
    example_method="ListItems",
)
GATEWAY = HttpService(name="gateway", title="Gateway", default_listen="127.0.0.1:8080", calls=(CATALOG, STOCK_LEDGER))
# In the order in which they are started: whoever is called comes before whoever calls.
WITH_DATABASE = (STOCK_LEDGER, CATALOG)
SERVICES: tuple[Service, ...] = (*WITH_DATABASE, GATEWAY)


def names_a_database(variable: str) -> bool:
    """Whether a variable says where a service has its data, and with what password."""
    return variable.startswith("STOREKEEPER_") and variable.endswith("DATABASE_URL")


def _claim(host: str, port: int, service: Service) -> int:
    """The port, once it is free."""
    deadline = time.monotonic() + PORT_PATIENCE_S
    while True:
        try:
            _bind(host, port)
            return port
        except OSError as error:
            if time.monotonic() > deadline:
                raise Problem(_cannot_listen(f"{host}:{port}", error, service)) from None
            time.sleep(POLL_INTERVAL_S)


def _bind(host: str, port: int) -> None:
    """Bind as a server would, and let go again. Without SO_REUSEPORT, which would share a taken port in silence."""
    family, *_, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        probe.listen()


def _cannot_listen(address: str, error: OSError, service: Service) -> str:
    return (
        f"The {service.title.lower()} cannot listen on {address}: {error.strerror}."
        f" Free it, or set {service.variable('LISTEN')} to another."
    )
