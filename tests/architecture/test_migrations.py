"""Scripts are numbered: by the names of their files a service knows which of them its database should have."""

from importlib import resources
from itertools import pairwise

import pytest
from alembic.script import ScriptDirectory

from storekeeper_kit.schema import revisions

PACKAGES = ("storekeeper_catalog", "storekeeper_stockledger")


@pytest.mark.parametrize("package", PACKAGES)
def test_the_names_of_the_files_tell_the_revisions(package: str) -> None:
    scripts = ScriptDirectory(str(resources.files(package).joinpath("migrations")))
    walked = list(reversed(list(scripts.walk_revisions())))
    assert tuple(script.revision for script in walked) == revisions(package)
    assert all(after.down_revision == before.revision for before, after in pairwise(walked))
