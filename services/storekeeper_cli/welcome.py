"""What ``up`` prints when everything serves: where it is, and calls that work as pasted."""

import json
import os
import sys
from pathlib import Path

from storekeeper_cli.folder import Folder
from storekeeper_cli.ports import HOST
from storekeeper_cli.postgres import EmbeddedPostgres
from storekeeper_cli.services import GrpcService, Service
from storekeeper_cli.terminal import Terminal

# Any will do: nobody has to be known to the gateway.
CREDENTIALS = "-H 'ApiIntegrationCode: any' -H 'UserName: me' -H 'Secret: any'"
EVERYTHING = '{"filter": [{"op": "exist", "field": "id"}]}'


def print_welcome(
    terminal: Terminal, folder: Folder, addresses: dict[Service, str], postgres: EmbeddedPostgres | None
) -> None:
    """Endpoints first, then one line for each thing to try."""
    terminal.say("Storekeeper is up. Ctrl-C stops it.", "bold green")
    terminal.say()
    for service, address in addresses.items():
        _print_fact(terminal, service.title, _endpoint(service, address))
    if postgres is not None:
        _print_fact(
            terminal, "PostgreSQL", f"{HOST}:{postgres.port}  (passwords in {folder.path / 'postgres/keys.json'})"
        )
    _print_fact(terminal, "Logs", f"{folder.logs}{os.sep}")
    for service, address in addresses.items():
        terminal.say()
        terminal.say(f"Try the {service.title.lower()} from another terminal:")
        for line in example_calls(service, address):
            terminal.say(f"  {line}", "cyan")


def example_calls(service: Service, address: str) -> list[str]:
    """Shell lines that work as pasted."""
    return _grpc_calls(service, address) if isinstance(service, GrpcService) else [_http_call(address)]


def _grpc_calls(service: GrpcService, address: str) -> list[str]:
    """What there is, whether it is healthy, and one call, once with each tool."""
    grpcurl, buf = tool("grpcurl"), tool("buf")
    method = f"{service.grpc_service}/{service.example_method}"
    health = json.dumps({"service": service.grpc_service})
    return [
        f"{grpcurl} -plaintext {address} list {service.grpc_service}",
        f"{grpcurl} -plaintext -d '{health}' {address} grpc.health.v1.Health/Check",
        f"{grpcurl} -plaintext -d '{{}}' {address} {method}",
        f"{buf} curl --protocol grpc --http2-prior-knowledge -d '{{}}' http://{address}/{method}",
    ]


def _http_call(address: str) -> str:
    """All products, as a client of Autotask's asks for them."""
    return f"curl http://{address}/ATServicesRest/V1.0/Products/query {CREDENTIALS} -d '{EVERYTHING}'"


def _endpoint(service: Service, address: str) -> str:
    if isinstance(service, GrpcService):
        return f"{address}  (gRPC with reflection and health)"
    return f"http://{address}  (Autotask's REST API)"


def _print_fact(terminal: Terminal, title: str, fact: str) -> None:
    terminal.say(f"  {title:<14}{fact}")


def tool(name: str) -> str:
    """How to call a tool from here: the one beside our own Python if it came with us, else the one on the path."""
    path = Path(sys.executable).parent / name
    if not path.exists():
        return name
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
