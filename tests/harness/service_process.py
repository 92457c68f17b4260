"""A service as it is deployed: a process of its own, which tests start, kill and start again."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from storekeeper_cli.program import Program

SERVING, NOT_SERVING = HealthCheckResponse.SERVING, HealthCheckResponse.NOT_SERVING
# Below the ports that outgoing connections get, so that none of those sits on ours while the process is being restarted.
PORTS = range(12000, 20000)
READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0
POLL_INTERVAL_S = 0.02


class ServiceProcess:
    """One process, on one port from start to start. It never outlives the process that started it.

    Start it from the main thread: the kernel ends it with the thread that did.
    """

    def __init__(
        self, service: str, health_name: str, database_url: str | None, folder: Path, **variables: str
    ) -> None:
        """`variables` are further ones of the service's own: LANES="4" is STOREKEEPER_STOCKLEDGER_LANES."""
        if database_url is not None:
            variables["DATABASE_URL"] = database_url
        self.address = f"127.0.0.1:{_free_port()}"
        self.log = folder / f"{service}.log"
        """What it wrote, of all its starts."""
        self._service = service
        self._health_name = health_name
        self._environment = _environment(service, LISTEN=self.address, **variables)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and return when it is ready for calls."""
        self.launch()
        try:
            self.wait_until(SERVING)
        except BaseException:
            self.kill()
            raise

    def launch(self, *module: str) -> None:
        """Start it and return at once; as another module, with its arguments, if one is given."""
        assert self._process is None
        program = Program(
            name=self._service,
            command=(sys.executable, "-m", *(module or (f"storekeeper_{self._service}",))),
            environment=self._environment,
        )
        with self.log.open("ab") as log:
            self._process = program.start(log)

    def stop(self) -> None:
        """Ask it to end, and return when it has."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_TIMEOUT_S)
            finally:
                self.kill()

    def kill(self) -> None:
        """End it with `kill -9`."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Kill it, start it again, and return when it is ready for calls."""
        self.kill()
        self.start()

    @property
    def pid(self) -> int:
        """Its process id, while it runs."""
        assert self._process is not None
        return self._process.pid

    @property
    def process_ids(self) -> list[int]:
        """Its own, and those of its workers if it has any."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [self.pid, *map(int, children)]

    @property
    def is_running(self) -> bool:
        """Whether it runs; it may have ended by itself."""
        return self._process is not None and self._process.poll() is None

    def health(self) -> int | None:
        """What it says of its readiness; None when it doesn't answer."""
        if not self._listens():
            # gRPC would find that out as well, at a hundred times the cost.
            return None
        # A channel of its own, because one that has failed waits before it tries again.
        with grpc.insecure_channel(self.address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
            try:
                return int(HealthStub(channel).Check(HealthCheckRequest(service=self._health_name), timeout=1).status)
            except grpc.RpcError:
                return None

    def _listens(self) -> bool:
        host, _, port = self.address.rpartition(":")
        with socket.socket() as probe:
            return probe.connect_ex((host, int(port))) == 0

    def wait_for_end(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Return when it has ended by itself."""
        assert self._process is not None
        self._process.wait(timeout_s)
        self._process = None

    def wait_until(self, health: int | None, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Return as soon as it says this of its readiness."""
        deadline = time.monotonic() + timeout_s
        while self.health() != health:
            assert self.is_running, f"the {self._service} has ended:\n{self.log_tail()}"
            assert time.monotonic() < deadline, (
                f"the {self._service}'s health did not become {health}:\n{self.log_tail()}"
            )
            time.sleep(POLL_INTERVAL_S)

    def log_tail(self) -> str:
        """The last of what it wrote."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.stop()
        else:
            self.kill()


def _environment(service: str, **variables: str) -> dict[str, str]:
    """The environment of the tests, with none of its own settings for us."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("STOREKEEPER_")}
    return inherited | {f"STOREKEEPER_{service.upper()}_{name}": value for name, value in variables.items()}


def _free_port() -> int:
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
