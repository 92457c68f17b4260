"""What all tests share. Databases and servers are set up by the folders that need them."""

from hypothesis import settings

# The same cases on every run: a failure seen once is seen again. No deadline: a busy machine is no defect.
settings.register_profile("storekeeper", derandomize=True, deadline=None)
settings.load_profile("storekeeper")

pytest_plugins = ["tests.postgres", "tests.harness.fixtures"]
