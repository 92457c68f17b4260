"""A gateway in a process of its own."""

from pathlib import Path

import httpx

from tests.harness.service_process import NOT_SERVING, SERVING, ServiceProcess


class GatewayProcess(ServiceProcess):
    """The gateway, in front of a catalog and a stock ledger."""

    def __init__(self, catalog_target: str, stockledger_target: str, folder: Path, **variables: str) -> None:
        targets = {"CATALOG_TARGET": catalog_target, "STOCKLEDGER_TARGET": stockledger_target}
        super().__init__("gateway", "", None, folder, **targets, **variables)

    def health(self) -> int | None:
        """What it says of its readiness; None when it doesn't answer."""
        try:
            answer = httpx.get(f"http://{self.address}/readyz", timeout=5)
        except httpx.HTTPError:
            return None
        return SERVING if answer.is_success else NOT_SERVING
