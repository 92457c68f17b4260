"""Who a call acts for, and what they may do: read from the call's metadata on entry and bound to it.

    storekeeper-tenant        a positive int64, default 1
    storekeeper-actor         1 to 200 characters, default "anonymous"
    storekeeper-permissions   separated by commas, default all

A server believes what it reads here, which is why it listens on loopback only.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

from storekeeper_kit.refusals import InvalidRequest, Violation

TENANT_KEY = "storekeeper-tenant"
ACTOR_KEY = "storekeeper-actor"
PERMISSIONS_KEY = "storekeeper-permissions"

COSTS_VIEW = "costs.view"
ALL = "*"
EVERYTHING = frozenset({ALL})

TENANT_ID_MAX = 2**63 - 1
ACTOR_CHARS_MAX = 200
PERMISSIONS_CHARS_MAX = 2000
# Callers that repeat are read once; the rest are read again.
CALLERS_REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class Caller:
    """The tenant whose rows a call may touch, the name written beside what it changes, and its permissions."""

    tenant_id: int
    actor: str
    permissions: frozenset[str]

    def may(self, permission: str) -> bool:
        """Whether the caller has this permission, or all of them."""
        return permission in self.permissions or ALL in self.permissions

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What a client sends in order to call as this caller."""
        return (
            (TENANT_KEY, str(self.tenant_id)),
            (ACTOR_KEY, self.actor),
            (PERMISSIONS_KEY, ",".join(sorted(self.permissions))),
        )


_bound: ContextVar[Caller] = ContextVar("caller")


def bound_caller() -> Caller:
    """The caller of the call that is being answered."""
    return _bound.get()


def bind_caller(caller: Caller) -> None:
    """Makes this the caller for the rest of the current call: each call is a task with a context of its own."""
    _bound.set(caller)


def read_caller(metadata: Iterable[tuple[str, str | bytes]]) -> Caller:
    """The caller that the metadata names; all malformed keys are reported at once."""
    return _read(tuple((key, value) for key, value in metadata if key in _READERS))


@lru_cache(CALLERS_REMEMBERED)
def _read(given: tuple[tuple[str, str | bytes], ...]) -> Caller:
    values: dict[str, Any] = {}
    violations = []
    for key, value in given:
        try:
            # Which of two tenants is meant would be a guess.
            values[key] = _READERS[key](value) if key not in values else _refuse("is given more than once")
        except ValueError as error:
            violations.append(Violation(key, str(error)))
    if violations:
        raise InvalidRequest(violations)
    return Caller(
        values.get(TENANT_KEY, 1), values.get(ACTOR_KEY, "anonymous"), values.get(PERMISSIONS_KEY, EVERYTHING)
    )


def _tenant_id(value: str | bytes) -> int:
    if isinstance(value, bytes) or not _TENANT_ID.fullmatch(value) or not 1 <= int(value) <= TENANT_ID_MAX:
        _refuse("is not a positive 64-bit integer")
    return int(value)


def _actor(value: str | bytes) -> str:
    if isinstance(value, bytes) or not 1 <= len(value) <= ACTOR_CHARS_MAX or not value.isprintable():
        _refuse(f"is not a text of 1 to {ACTOR_CHARS_MAX} printable characters")
    return value


def _permissions(value: str | bytes) -> frozenset[str]:
    if isinstance(value, bytes) or len(value) > PERMISSIONS_CHARS_MAX or not _PERMISSIONS.fullmatch(value):
        _refuse(f'is not a list of permissions like "{COSTS_VIEW}", separated by commas')
    return frozenset(value.replace(" ", "").split(",")) - {""}


def _refuse(description: str) -> NoReturn:
    raise ValueError(description)


_TENANT_ID = re.compile("[0-9]{1,19}")
_PERMISSIONS = re.compile(r"[a-z_.*, ]*")
_READERS: Mapping[str, Callable[[str | bytes], Any]] = {
    TENANT_KEY: _tenant_id,
    ACTOR_KEY: _actor,
    PERMISSIONS_KEY: _permissions,
}
