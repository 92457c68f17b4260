"""Everything that asks ``up`` to stop: Ctrl-C, an operator's ``kill``, a closed window."""

import asyncio
import os
import select
import signal
import sys
from collections.abc import Callable

STDIN = 0  # By its number: it may be closed, and then Python has no object for it.


def on_request_to_stop(callback: Callable[[], None]) -> None:
    """Call back at each request, in the running event loop."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, callback)
    # Started by ``nohup``, it is ignored and has to stay so.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        loop.add_signal_handler(signal.SIGHUP, callback)
        _watch_terminal(loop, callback)


def _watch_terminal(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    """Notice the loss of the terminal by ourselves.

    The system tells it only to the program that the terminal was opened for. A shell passes it on; ``make`` does not,
    and after ``ssh -t HOST make run`` it is ``make``.
    """
    if sys.platform != "linux" or not _is_in_foreground():
        return
    losses = select.epoll()
    # No event is asked for: what somebody types is not ours, and a hang-up is reported anyway.
    losses.register(STDIN, 0)

    def lost() -> None:
        loop.remove_reader(losses)
        losses.close()
        callback()

    loop.add_reader(losses, lost)


def _is_in_foreground() -> bool:
    try:
        return os.tcgetpgrp(STDIN) == os.getpgrp()
    except OSError:
        # No terminal; or one that is another session's to lose, as after ``su USER -c``.
        return False
