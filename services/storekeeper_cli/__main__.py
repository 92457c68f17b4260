"""The ``storekeeper`` command.

    storekeeper up               everything on this machine, with a PostgreSQL of its own
    storekeeper demo             oldest-first removal on a worked example
    storekeeper status           which services serve, and what the stock ledger was not told of
    storekeeper serve NAME       one service, in this process
    storekeeper migrate NAME     bring the tables of one service up to date
    storekeeper verify           check all that the stock ledger has stored against its own journal

What goes wrong is one line on standard error. Exit code 1: it could not be done; 2: it was asked for in a way that
cannot be meant, an unknown option or a bad STOREKEEPER_* variable.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from storekeeper_cli.problem import Problem
from storekeeper_cli.services import SERVICES, WITH_DATABASE, GrpcService, Service
from storekeeper_kit.caller import TENANT_ID_MAX
from storekeeper_kit.config import ConfigurationError

FAILED = 1
MISUSED = 2

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Keeps stock: services over gRPC and HTTP, on a PostgreSQL of their own or on any other.",
)


def main() -> None:
    """Run the command. What a person can mend is told in one line; anything else is a bug and shows its traceback."""
    try:
        app()
    except Problem as problem:
        _exit(FAILED, str(problem))
    except PermissionError as error:
        _exit(FAILED, f"{error.filename} belongs to another user: run this as that user, or choose another --folder.")
    except ConfigurationError as error:
        _exit(MISUSED, str(error))


Choice = TypeVar("Choice", bound=Service)


def _one_of(choices: Sequence[Choice]) -> typer.models.ArgumentInfo:
    """An argument that names one of these services."""

    def parse(name: str) -> Choice:
        for service in choices:
            if service.name == name:
                return service
        raise typer.BadParameter(f"there is no service {name!r} for this, only {names}.")

    names = ", ".join(service.name for service in choices)
    argument: typer.models.ArgumentInfo = typer.Argument(parser=parse, metavar="NAME", help=f"One of: {names}.")
    return argument


@app.command()
def up(
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Where data, logs and the lock are kept. Default: STOREKEEPER_UP_FOLDER, else .storekeeper here.",
            file_okay=False,
        ),
    ] = None,
    logs: Annotated[bool, typer.Option("--logs", "-v", help="Show all logs here, not only warnings.")] = False,
) -> None:
    """Start everything on this machine and keep it running; Ctrl-C stops it.

    Starts a PostgreSQL in the folder, unless STOREKEEPER_NAME_DATABASE_URL and STOREKEEPER_NAME_OWNER_DATABASE_URL name
    another, for stockledger and for catalog. Brings the tables up to date. Starts every service as a process of its own,
    and starts again what dies.
    """
    from storekeeper_cli.up import up as run

    run(folder, all_logs=logs)


@app.command()
def demo() -> None:
    """Show oldest-first removal on a worked example, over gRPC and over REST.

    Uses the services that serve where STOREKEEPER_NAME_LISTEN says, as a tenant of its own. If there is no stock ledger,
    all are started in a temporary folder, and gone when the demo ends.
    """
    from storekeeper_cli.demo.play import demo as run

    run()


@app.command()
def status(
    tenant: Annotated[int, typer.Option(min=1, max=TENANT_ID_MAX, help="Whose items are looked at.")] = 1,
) -> None:
    """Show which services serve, and which items are not registered with the stock ledger.

    Asks where STOREKEEPER_NAME_LISTEN says. Exit code 1: a service does not serve.
    """
    from storekeeper_cli.status import status as run

    if not run(tenant):
        sys.exit(FAILED)


@app.command()
def serve(service: Annotated[Service, _one_of(SERVICES)]) -> None:
    """Run one service in this process, as `python -m storekeeper_NAME` does."""
    os.execv(sys.executable, [sys.executable, "-P", "-m", service.package])


@app.command()
def migrate(service: Annotated[GrpcService, _one_of(WITH_DATABASE)]) -> None:
    """Bring the tables of one service up to date.

    Needs STOREKEEPER_NAME_OWNER_DATABASE_URL: the database, as the role that owns its tables. The role that the service
    uses is STOREKEEPER_NAME_SERVICE_ROLE, or the one in STOREKEEPER_NAME_DATABASE_URL, or storekeeper_NAME.
    """
    from storekeeper_cli.migrate import migrate as run

    run(service)


@app.command()
def verify(
    tenant: Annotated[
        int | None, typer.Option(min=1, max=TENANT_ID_MAX, help="Whose stock is checked. Default: everybody's.")
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            help="The ledger's database, as a role that may read it. Default: STOREKEEPER_STOCKLEDGER_DATABASE_URL, "
            "else the one that `up` runs."
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            help="The folder of `up`. Default: STOREKEEPER_UP_FOLDER, else .storekeeper here.", file_okay=False
        ),
    ] = None,
) -> None:
    """Check all that the stock ledger has stored against its own journal, and the journal against its seals.

    Reads one snapshot while the ledger goes on working, and names the first row that each check finds wrong. Exit code
    0: all is right; 1: something is wrong; 2: it could not be checked.
    """
    from storekeeper_cli.verify import verify as run

    run(tenant, url, folder)


def _exit(code: int, message: str) -> None:
    sys.stderr.write(f"{message}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
