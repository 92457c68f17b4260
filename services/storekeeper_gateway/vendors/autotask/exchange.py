"""One request at one address, as plain values: who answers it need not know what kind of server received it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...backends import Call
from .entities import CHILDREN, ENTITIES, Child, Entity


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request at one address."""

    verb: str
    parameters: Mapping[str, str]
    """What the query of the address says, by names in lower case."""
    impersonated: str | None
    """For whom a row is created, if that is somebody else than the caller."""
    body: bytes
    call: Call
    base_url: str
    """The address that everything of this version begins with, without a slash at its end."""
    names: Mapping[str, str]
    """What the address says in place of the names in its pattern."""

    @property
    def entity(self) -> Entity:
        """The entity that is asked for: the child, where there is one."""
        return self.child.entity if "child" in self.names else ENTITIES[self.names["entity"]]

    @property
    def child(self) -> Child:
        """The entity below the parent."""
        return CHILDREN[self.names["entity"], self.names["child"]]

    @property
    def id(self) -> int | None:
        """The id of the row, if the address has one."""
        return int(self.names["id"]) if "id" in self.names else None

    @property
    def parent(self) -> tuple[str, int] | None:
        """The field that names the parent, and the parent that the address names."""
        return (self.child.parent_field, int(self.names["parent"])) if "child" in self.names else None


Handler = Callable[[Exchange], Awaitable[dict[str, Any]]]
"""What answers an exchange."""
