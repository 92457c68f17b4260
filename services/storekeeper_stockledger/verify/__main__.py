"""Verifies a ledger's database: `python -m storekeeper_stockledger.verify [--tenant N]`, which `storekeeper verify` runs.

The database is STOREKEEPER_STOCKLEDGER_DATABASE_URL, as a role that may read it. Exit code 0: all is right; 1: something
is wrong; 2: it could not be checked.
"""

import argparse
import sys
from typing import Final

import psycopg

from storekeeper_kit.config import ConfigurationError, load

from ..settings import StockLedgerSettings
from .run import verify
from .showing import Showing
from .snapshot import snapshot

WRONG: Final = 1
UNCHECKED: Final = 2


def main() -> int:
    """Check what is asked for, and return the exit code."""
    parser = argparse.ArgumentParser(prog="storekeeper verify")
    parser.add_argument("--tenant", type=int, metavar="N", help="only this tenant (default: all)")
    tenant_id: int | None = parser.parse_args().tenant
    try:
        return WRONG if _findings(load(StockLedgerSettings).url("database_url"), tenant_id) else 0
    except ConfigurationError as error:
        return _unchecked(str(error))
    except psycopg.errors.UndefinedTable:
        return _unchecked("the database has no tables of a stock ledger of this release")
    except psycopg.Error as error:
        return _unchecked(str(error).partition("\n")[0])
    except KeyboardInterrupt:
        return _unchecked("it was interrupted")


def _findings(url: str, tenant_id: int | None) -> int:
    with snapshot(url) as rows, Showing() as showing:
        tenants = [tenant for tenant in rows.tenants() if tenant_id in (None, tenant)]
        if not tenants and tenant_id is not None:
            raise ConfigurationError([f"tenant {tenant_id} has nothing stored"])
        findings = verify(rows, tenants, showing)
        movements = sum(map(rows.last_movement_id, tenants))
        showing.end(tenants=len(tenants), movements=movements, findings=findings)
    return findings


def _unchecked(why: str) -> int:
    sys.stderr.write(f"The stock ledger could not be verified: {why}\n")
    return UNCHECKED


if __name__ == "__main__":
    sys.exit(main())
