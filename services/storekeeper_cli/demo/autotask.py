"""Requests to the gateway, as software that was written for Autotask makes them."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from storekeeper_cli.demo.mice import TENANT_ID
from storekeeper_cli.problem import Problem
from storekeeper_kit.caller import TENANT_KEY

ROOT: Final = "/ATServicesRest/V1.0"
TIMEOUT_S: Final = 10.0
HEADERS: Final = {
    # Autotask wants these three with each request; the gateway, which knows no users so far, takes any.
    "ApiIntegrationCode": "any",
    "UserName": "storekeeper demo",
    "Secret": "any",
    # What no client of Autotask's sends: these mice are not to be among anybody's stock.
    TENANT_KEY: str(TENANT_ID),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: text that is JSON, and what it says."""

    status: int
    text: str
    content: Mapping[str, Any]

    @property
    def is_good(self) -> bool:
        """Whether it was done."""
        return self.status == http.client.OK


def post(address: str, path: str, body: str) -> Answer:
    """Send this to the gateway."""
    connection = http.client.HTTPConnection(address, timeout=TIMEOUT_S)
    try:
        connection.request("POST", f"{ROOT}/{path}", body, HEADERS)
        response = connection.getresponse()
        text = response.read().decode()
        return Answer(response.status, text, json.loads(text))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Problem(f"The gateway at {address} ended the demo: {error}.") from None
    finally:
        connection.close()
