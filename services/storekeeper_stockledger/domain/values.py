"""Frozen dataclasses that cost no more than others.

Python freezes an instance by a detour for each field that is set, which made a third of what a decision takes. Here the
type checker alone sees to it: to it `dataclass` is the standard library's, and `frozen=True` holds.
"""

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls: type | None = None, /, *, frozen: bool = False, **options: Any) -> Any:
        """As in the standard library; but what is frozen can be hashed, and isn't watched."""
        if frozen:
            options["unsafe_hash"] = options.get("eq", True)
        return dataclasses.dataclass(cls, **options)


__all__ = ["dataclass"]
