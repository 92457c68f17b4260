"""The PostgreSQL that tests run on: a real one, started once per run, durable settings and all."""

from collections.abc import Iterator

import pytest

from storekeeper_cli.postgres import EmbeddedPostgres


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A running server. A test that kills it starts it again; when pytest ends, however it ends, it ends too."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"))
    with server:
        yield server
