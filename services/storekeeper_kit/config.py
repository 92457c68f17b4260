"""Configuration from STOREKEEPER_* environment variables: typed, documented, and complete before anything starts.

    STOREKEEPER_<NAME>            shared: the fields of SharedSettings
    STOREKEEPER_<OWNER>_<NAME>    one program's own: the other fields of its settings class

A bad value stops the start with the name of its variable, and so does a variable that no program of ours knows: it is a
typing mistake, and the limit that it should have set would silently be another. An empty value counts as not set.
"""

import difflib
import os
from collections.abc import Iterable
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "STOREKEEPER_"
# Programs that have variables of their own. Each checks its own when it starts, and leaves the others' alone.
OWNERS = ("catalog", "gateway", "stockledger", "up")

# Of two names, from 0 to 1: what is less alike is no typing mistake.
SIMILARITY_MIN = 0.85

LogFormat = Literal["json", "console"]
LogLevel = Literal["debug", "info", "warning", "error"]


class ConfigurationError(Exception):
    """The configuration can't be used; each problem is one line that names its variable."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class SharedSettings(BaseSettings):
    """What every program of ours has; a subclass gives its own prefix and fields."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, populate_by_name=True, hide_input_in_errors=True
    )

    log_format: LogFormat | None = Field(
        default=None,
        validation_alias=f"{PREFIX}LOG_FORMAT",
        description="How log lines look. Default: console on a terminal, else json.",
    )
    log_level: LogLevel = Field(
        default="info", validation_alias=f"{PREFIX}LOG_LEVEL", description="The least important lines that are logged."
    )


class ServiceSettings(SharedSettings):
    """What every gRPC service has; a service gives its prefix, its defaults and its own fields."""

    listen: str = Field(description="The loopback address and port to serve on; port 0 takes a free one.")
    database_url: SecretStr | None = Field(
        default=None, description="postgresql://user:password@host:port/database, as the role of the service."
    )
    owner_database_url: SecretStr | None = Field(
        default=None, description="The same database as the role that owns it; only migrations use it."
    )
    service_role: str = Field(description="The role of the service, which migrations grant its rights to.")
    call_timeout_s: float = Field(
        default=10.0, gt=0, le=3600, description="How long a call may take that sets no deadline itself."
    )
    call_timeout_max_s: float = Field(default=60.0, gt=0, le=3600, description="The longest deadline a call gets.")
    calls_in_flight_max: int = Field(
        default=2000, ge=1, description="How many calls may be in flight; one more is refused as OVERLOADED."
    )
    stop_grace_s: float = Field(
        default=3.0, ge=0, le=300, description="How long calls in flight may go on when the server is asked to stop."
    )

    @field_validator("database_url", "owner_database_url")
    @classmethod
    def _is_a_postgresql_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _is_url(value.get_secret_value()):
            # The value itself holds a password.
            raise ValueError("is not a URL like postgresql://user:password@host:port/database")
        return value

    def url(self, name: Literal["database_url", "owner_database_url"]) -> str:
        """This URL, which has to be set for what is to be done now."""
        value: SecretStr | None = getattr(self, name)
        if value is None:
            description = type(self).model_fields[name].description
            raise ConfigurationError([f"{variable(type(self), name)} is not set: {description}"])
        return value.get_secret_value()


Settings = TypeVar("Settings", bound=SharedSettings)


def load(settings: type[Settings]) -> Settings:
    """The settings that the environment gives; raises ConfigurationError with all that is wrong with it."""
    problems = [_unknown(settings, name) for name in sorted(os.environ) if not _is_known(settings, name)]
    try:
        loaded = settings()
    except ValidationError as error:
        problems += [_bad_value(settings, details) for details in error.errors(include_url=False)]
        raise ConfigurationError(problems) from None
    if problems:
        raise ConfigurationError(problems)
    return loaded


def variable(settings: type[SharedSettings], name: str) -> str:
    """The environment variable of this field."""
    alias = settings.model_fields[name].validation_alias
    return alias if isinstance(alias, str) else f"{settings.model_config['env_prefix']}{name.upper()}"


def variables(settings: type[SharedSettings]) -> tuple[str, ...]:
    """The environment variables of all fields."""
    return tuple(variable(settings, name) for name in settings.model_fields)


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme == "postgresql" and parts.port != 0 and len(parts.path) > 1
    except ValueError:
        return False


def _is_known(settings: type[SharedSettings], name: str) -> bool:
    others = tuple(
        prefix for owner in OWNERS if (prefix := f"{PREFIX}{owner.upper()}_") != settings.model_config["env_prefix"]
    )
    return not name.startswith(PREFIX) or name.startswith(others) or name in variables(settings)


def _unknown(settings: type[SharedSettings], name: str) -> str:
    similar = difflib.get_close_matches(name, variables(settings), n=1, cutoff=SIMILARITY_MIN)
    return f"{name} is no setting of ours" + (f"; did you mean {similar[0]}?" if similar else "")


def _bad_value(settings: type[SharedSettings], details: ErrorDetails) -> str:
    name = str(details["loc"][0])
    # A field with an alias is reported by its alias, which is its variable already.
    named = variable(settings, name) if name in settings.model_fields else name
    return f"{named}: {details['msg']}"
