"""The least that an HTTP request costs in Python: starlette on uvicorn, as the gateway has them, and nothing to do.

It prints the port that it serves on.
"""

import socket

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PATH = "/empty"


async def answer(_request: Request) -> Response:
    """The empty answer."""
    return Response(b"{}", media_type="application/json")


def main() -> None:
    """Serve until killed."""
    app = Starlette(routes=[Route(PATH, answer, methods=["GET", "POST"])])
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(app, http="httptools", loop="uvloop", log_config=None, access_log=False, lifespan="off")
    uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main()
