"""How PostgreSQL is told to plan the statements of the hot path."""

from types import MappingProxyType
from typing import Final

BY_INDEX: Final = MappingProxyType(
    {
        "plan_cache_mode": "force_generic_plan",
        "enable_seqscan": "off",
        "enable_hashjoin": "off",
        "enable_mergejoin": "off",
        "max_parallel_workers_per_gather": "0",
        "jit": "off",
    }
)
"""Each of these statements looks up a few rows by key, in tables of any size, and is planned once per connection.

Left to itself the planner counts on the statistics of the moment, which on a young table say that reading all of it is
cheapest: a plan that is kept while the table grows. For hundreds of keys it even prefers to read a table of a hundred
thousand rows; that took 38 ms where the index takes 1.
"""
