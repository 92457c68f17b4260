"""What the catalog can be told by its environment: STOREKEEPER_CATALOG_* variables."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from storekeeper_kit.config import ServiceSettings


class CatalogSettings(ServiceSettings):
    """The catalog's configuration."""

    model_config = SettingsConfigDict(env_prefix="STOREKEEPER_CATALOG_")

    listen: str = Field(default="127.0.0.1:50051", description="The loopback address and port to serve on.")
    service_role: str = Field(
        default="storekeeper_catalog", description="The role of the service, which migrations grant its rights to."
    )
    stockledger_target: str = Field(
        default="127.0.0.1:50052", min_length=1, description="Where the stock ledger listens: an address and a port."
    )
    workers: int = Field(default=4, ge=1, le=64, description="Threads for transactions, each with a connection.")
    registration_wait_s: float = Field(
        default=0.5, gt=0, le=60, description="How long the answer to a change waits for the item to be registered."
    )
    read_lanes: int = Field(
        default=2, ge=1, le=32, description="Reads of items by id, each of another tenant, that are answered at once."
    )
    sweep_interval_s: float = Field(
        default=0.5, gt=0, le=60, description="How often the outbox is looked through for items to register."
    )
    sweep_batch_max: int = Field(
        default=32, ge=1, le=1000, description="How many items a sweep takes at once, and registers side by side."
    )
    retry_delay_max_s: float = Field(
        default=1.0, gt=0, le=60, description="The longest pause before an item's registration is tried again."
    )
