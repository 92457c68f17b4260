"""What the stock ledger can be told by its environment: STOREKEEPER_STOCKLEDGER_* variables."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from storekeeper_kit.config import ServiceSettings


class StockLedgerSettings(ServiceSettings):
    """The ledger's configuration."""

    model_config = SettingsConfigDict(env_prefix="STOREKEEPER_STOCKLEDGER_")

    listen: str = Field(default="127.0.0.1:50052", description="The loopback address and port to serve on.")
    service_role: str = Field(
        default="storekeeper_stockledger", description="The role of the service, which migrations grant its rights to."
    )
    lanes: int = Field(
        default=2, ge=1, le=32, description="Worker processes, and so batches of changes that are applied at once."
    )
    read_lanes: int = Field(
        default=2, ge=1, le=32, description="The same for reads of positions, and for those of stocked items."
    )
    workers: int = Field(
        default=4, ge=1, le=64, description="Threads for what is not batched: lists, locations, items, settings."
    )
    watchers_max: int = Field(
        default=1000, ge=0, description="How many may watch movements; one more is refused as OVERLOADED."
    )
    watch_stall_s: float = Field(
        default=30.0, gt=0, le=3600, description="How long a watcher may take nothing before its stream is ended."
    )
