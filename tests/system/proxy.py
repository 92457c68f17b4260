"""A network between two processes that can be made to fail: a TCP proxy on loopback."""

import socket
import struct
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

CHUNK_BYTES = 65536
# Ends a connection with a reset instead of a farewell.
NO_LINGER = struct.pack("ii", 1, 0)


class Proxy:
    """Passes on what two sides say to each other, until it is told not to."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: list[_Connection] = []
        self.port: int = self._listener.getsockname()[1]

    def cut(self) -> None:
        """Cut all connections, wherever they are in what they say."""
        for connection in self._take():
            connection.cut()

    def lose_answer_to(self, question: bytes) -> None:
        """On each connection let the next question with these words through, and cut in the moment of the answer."""
        for connection in self._take():
            connection.fatal_question = question

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Wakes the thread that accepts, which closing alone doesn't.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _take(self) -> "list[_Connection]":
        """The connections of this moment; what comes later is no concern of the caller."""
        taken, self._connections = self._connections, []
        return taken

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._target_port))
                except OSError:
                    client.close()
                    continue
                self._connections.append(_Connection(client, server))


class _Connection:
    """One client's connection and ours to the server in its name."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self._client, self._server = client, server
        self.fatal_question: bytes | None = None
        self._is_deaf = False
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=self._run, daemon=True).start()

    def cut(self) -> None:
        for one in (self._client, self._server):
            with suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self._end()

    def _run(self) -> None:
        answers = threading.Thread(target=self._pass_on_answers, daemon=True)
        answers.start()
        self._pass_on_questions()
        answers.join()
        # Not before both threads have left them: the numbers of closed sockets are used again.
        self._client.close()
        self._server.close()

    def _pass_on_questions(self) -> None:
        with suppress(OSError):
            while data := self._client.recv(CHUNK_BYTES):
                if self.fatal_question and self.fatal_question in data:
                    self._is_deaf = True
                self._server.sendall(data)
        self._end()

    def _pass_on_answers(self) -> None:
        with suppress(OSError):
            while (data := self._server.recv(CHUNK_BYTES)) and not self._is_deaf:
                self._client.sendall(data)
        self._end()

    def _end(self) -> None:
        for one in (self._client, self._server):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
