"""The least that a gRPC call costs in Python: a bare aio server on uvloop whose one method answers nothing with nothing.

It has none of our kit: no interceptors, no messages. It prints the port that it serves on.
"""

import asyncio
from typing import Any

import grpc
import uvloop

SERVICE = "bench.Empty"
METHOD = "Call"
PATH = f"/{SERVICE}/{METHOD}"


async def main() -> None:
    """Serve until killed."""
    server = grpc.aio.server()
    handlers: dict[str, Any] = {METHOD: grpc.unary_unary_rpc_method_handler(answer)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await asyncio.Event().wait()


async def answer(_request: bytes, _context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
    """The empty answer."""
    return b""


if __name__ == "__main__":
    uvloop.run(main())
