"""A PostgreSQL server in a folder: for ``storekeeper up``, which supervises it, and for tests, which start it themselves."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import pq

from storekeeper_cli.ports import HOST
from storekeeper_cli.postgres import databases
from storekeeper_cli.postgres.cluster import SUPERUSER, Cluster
from storekeeper_cli.postgres.databases import Role, Urls
from storekeeper_cli.postgres.keys import Keys
from storekeeper_cli.problem import Problem
from storekeeper_cli.program import Program

# Recovery after a power cut may have a gigabyte of log to read.
READY_TIMEOUT_S = 120.0
LEFTOVERS_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 10.0
POLL_INTERVAL_S = 0.02


class EmbeddedPostgres:
    """A server with its data, passwords and log in one folder.

    ``start()`` and ``stop()`` run it as a child of this process, which it never outlives. A supervisor calls
    ``prepare()`` and runs ``program()`` itself.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._cluster = Cluster(self._folder)
        self._keys = Keys(self._folder / "keys.json")
        self._process: subprocess.Popen[bytes] | None = None
        self.log = self._folder / "postgres.log"
        self.data = self._cluster.data

    # --- Running it -------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Make the folder fit to be served: a complete cluster, a free port, nobody else in it. Safe to repeat."""
        self._folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        self._cluster.create(self._keys.password(SUPERUSER))
        self._wait_for_leftovers()
        self._cluster.forget_reused_pid()
        self._keys.settle_port()

    def program(self) -> Program:
        """The server, as a program to run in the foreground."""
        return self._cluster.server(self.port)

    def accepts(self) -> bool:
        """Whether it takes connections now."""
        server = f"host={HOST} port={self.port} user={SUPERUSER} dbname=postgres connect_timeout=2"
        return pq.PGconn.ping(server.encode()) == pq.Ping.OK

    def start(self) -> None:
        """Start it and return when it accepts connections."""
        self.prepare()
        with self.log.open("ab") as log:
            self._process = process = self.program().start(log)
        if (
            not _wait(lambda: process.poll() is not None or self.accepts(), READY_TIMEOUT_S)
            or process.poll() is not None
        ):
            self.kill()
            raise Problem(f"PostgreSQL did not start; the end of {self.log} says why: {_last_line(self.log)}")

    def stop(self) -> None:
        """End it in good order: clients are disconnected, everything is on disk, the next start has nothing to recover."""
        if self._process is not None:
            self._process.send_signal(self.program().stop_signal)
            try:
                self._process.wait(STOP_TIMEOUT_S)
            finally:
                self.kill()

    def kill(self) -> None:
        """End it like a power cut ends it, with ``kill -9``, and return when none of its processes is left."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self._wait_for_leftovers()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # --- Using it ---------------------------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        """The port on loopback. It stays the same from start to start, unless somebody else has taken it."""
        return self._keys.port()

    @property
    def pid(self) -> int:
        """The server's main process, while it runs as our child."""
        assert self._process is not None
        return self._process.pid

    def exists(self) -> bool:
        """Whether it was ever made, so that there is something to start."""
        return self.data.exists()

    def service_url(self, service: str) -> str:
        """How a service connects to its database, once that was created."""
        name = databases.service_name(service)
        return self._url(self._role(name), name)

    def superuser_url(self, database: str = "postgres") -> str:
        """How to connect as the superuser."""
        return self._url(Role(SUPERUSER, self._keys.password(SUPERUSER)), database)

    def create_service_database(
        self, service: str, *, database: str | None = None, template: str | None = None
    ) -> Urls:
        """Create what a service needs unless it is there: its two roles, and its database.

        The database can get another name, and start as a copy of a ``template`` that nobody is connected to: so tests
        migrate once and then copy.
        """
        owner = self._role(databases.owner_name(service))
        user = self._role(databases.service_name(service))
        name = database or databases.service_name(service)
        with self._connect() as connection:
            databases.create_role(connection, owner)
            databases.create_role(connection, user)
            databases.create_database(connection, name, owner=owner.name, user=user.name, template=template)
        return Urls(service=self._url(user, name), owner=self._url(owner, name))

    def drop_database(self, name: str) -> None:
        """Drop a database, whoever is connected to it."""
        with self._connect() as connection:
            databases.drop_database(connection, name)

    def _connect(self) -> psycopg.Connection:
        try:
            return psycopg.connect(self.superuser_url(), autocommit=True, connect_timeout=5)
        except psycopg.OperationalError as error:
            raise Problem(f"The PostgreSQL in {self._folder} does not let us in: {error}") from None

    def _role(self, name: str) -> Role:
        return Role(name, self._keys.password(name))

    def _url(self, role: Role, database: str) -> str:
        return f"postgresql://{role.name}:{role.password}@{HOST}:{self.port}/{database}"

    def _wait_for_leftovers(self) -> None:
        """A killed server's own processes notice within moments; until then its memory and its port are theirs."""
        if not _wait(lambda: self._cluster.server_pid() is None, LEFTOVERS_TIMEOUT_S):
            raise Problem(f"Another PostgreSQL has {self.data} open: process {self._cluster.server_pid()}.")


def _wait(condition: Callable[[], bool], timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_INTERVAL_S)
    return True


def _last_line(file: Path) -> str:
    lines = file.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "(empty)"
