"""Free ports on loopback."""

import random
import socket

HOST = "127.0.0.1"
# Below the ports that the system gives to outgoing connections (from 32768 on), so that none of those sits on ours at
# the moment when a program is started, or started again.
PORTS = range(20000, 32000)
# Each is offered once, so that no two programs of ours are given the same.
_offers = iter(random.Random().sample(PORTS, len(PORTS)))


def free_port() -> int:
    """A port that nobody has, and that was not told before."""
    for port in _offers:
        if is_free(port):
            return port
    raise OSError(f"No free port found between {PORTS.start} and {PORTS.stop - 1}.")


def is_free(port: int) -> bool:
    """Whether a server could listen there."""
    with socket.socket() as probe:
        # As servers do it: connections of an earlier one that are still closing do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen()
        except OSError:
            return False
    return True
