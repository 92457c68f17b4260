"""What the gateway can be told by its environment: STOREKEEPER_GATEWAY_* variables."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from storekeeper_kit.config import SharedSettings


class GatewaySettings(SharedSettings):
    """The gateway's configuration."""

    model_config = SettingsConfigDict(env_prefix="STOREKEEPER_GATEWAY_")

    listen: str = Field(default="127.0.0.1:8080", description="The loopback address and port to serve on.")
    catalog_target: str = Field(default="127.0.0.1:50051", description="Where the catalog serves.")
    stockledger_target: str = Field(default="127.0.0.1:50052", description="Where the stock ledger serves.")
    public_url: str | None = Field(
        default=None,
        pattern="^https?://[^/]+$",
        description="How clients reach the gateway, for links in answers. Default: as the request's Host says.",
    )
    call_timeout_s: float = Field(default=10.0, gt=0, le=3600, description="How long a request may take.")
    requests_in_flight_max: int = Field(
        default=500, ge=1, description="How many requests may be in flight; one more is refused."
    )
    body_bytes_max: int = Field(default=1_048_576, ge=1024, description="The longest body, before and after unpacking.")
    stop_grace_s: float = Field(
        default=3.0,
        ge=0,
        le=300,
        description="How long requests in flight may go on when the gateway is asked to stop.",
    )
