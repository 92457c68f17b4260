"""A disk that a database has for itself, and that is full when we want it to be.

It is a file system in memory. Where that can't be mounted, the database merely says that its disk is full.
"""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from tests.torture.stage import Stage, World

SIZE_MB: Final = 96
CHUNK: Final = bytes(1024 * 1024)
FULL_S: Final = 2.0


@contextmanager
def small_disk(stage: Stage, world: World) -> Iterator[Callable[[], None]]:
    """The world's database is there from now on; gives what fills the disk for a while."""
    folder = stage.postgres.data.parent / f"disk-{world.database.name}"
    folder.mkdir()
    if not _mount(folder):
        stage.remarks.append("no file system could be mounted: the database only said that its disk was full")
        yield lambda: _say_it_is_full(world)
        return
    try:
        owner = stage.postgres.data.stat()
        os.chown(folder, owner.st_uid, owner.st_gid)
        _move(stage, world, folder)
        yield lambda: _fill(folder)
    finally:
        # What lies there goes when its database does; until then it is only out of sight.
        subprocess.run(["umount", "--lazy", folder], check=True)


def _mount(folder: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _move(stage: Stage, world: World, folder: Path) -> None:
    """While nobody is connected to it."""
    name = sql.Identifier(world.database.name)
    for ledger in world.ledgers:
        ledger.kill()
    with psycopg.connect(stage.postgres.superuser_url(), autocommit=True) as superuser:
        superuser.execute(sql.SQL("CREATE TABLESPACE {} LOCATION {}").format(name, str(folder)))
        superuser.execute(sql.SQL("ALTER DATABASE {} SET TABLESPACE {}").format(name, name))
    for ledger in world.ledgers:
        ledger.start()


def _fill(folder: Path) -> None:
    ballast = folder / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file:
            while file.write(CHUNK):
                pass
    except OSError:
        time.sleep(FULL_S)
    finally:
        ballast.unlink()


def _say_it_is_full(world: World) -> None:
    with psycopg.connect(world.database.superuser_url, autocommit=True) as superuser:
        superuser.execute(_SAY_SO)
        time.sleep(FULL_S)
        superuser.execute("DROP TRIGGER full_disk ON movement")


_SAY_SO: Final = """
CREATE OR REPLACE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the disk is full, it is said' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON movement EXECUTE FUNCTION full_disk();
"""
