"""Which user PostgreSQL runs as. It refuses to run as root, so root has to name somebody else."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from storekeeper_cli.problem import Problem

ROOT = 0


@dataclass(frozen=True, slots=True)
class Account:
    """A user to become, by its numbers."""

    name: str
    uid: int
    gid: int


def account_for(data: Path) -> Account | None:
    """The user to become for this data folder; None means ourselves, which is so for everybody but root.

    A folder that exists keeps its owner. A new one goes to the person behind ``sudo``, who may want it without
    ``sudo`` the next time, and otherwise to ``nobody``.
    """
    owner = data.stat().st_uid if data.exists() else None
    if os.geteuid() != ROOT:
        _demand_ownership(data, owner)
        return None
    return _account(owner or int(os.environ.get("SUDO_UID", ROOT)))


def _demand_ownership(data: Path, owner: int | None) -> None:
    if owner not in (None, os.geteuid()):
        raise Problem(f"{data} belongs to another user (uid {owner}): run as that user or as root, or use --folder.")


def _account(uid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid) if uid != ROOT else pwd.getpwnam("nobody")
    except KeyError:
        raise Problem(
            f"PostgreSQL will not run as root, and there is no user {uid or 'nobody'} to run it as."
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
