"""An HTTP server that ends after the requests that have begun."""

import socket
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class DrainingServer(ThreadingHTTPServer):
    """A thread for each connection, and `drain` to end them. Its handler is a `DrainingHandler`."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: "type[DrainingHandler]"):
        self.draining = False
        self._changed = threading.Condition()
        self._connections: set[socket.socket] = set()
        self._busy: set[socket.socket] = set()
        super().__init__(address, handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, client = super().get_request()
        with self._changed:
            self._connections.add(connection)
        return connection, client

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._changed:
            self._busy.discard(request)
            self._connections.discard(request)
            self._changed.notify_all()

    def set_busy(self, connection: socket.socket, busy: bool) -> None:
        """Notes that a request has begun on a connection, or that it was answered."""
        with self._changed:
            (self._busy.add if busy else self._busy.discard)(connection)

    def drain(self, seconds: float) -> None:
        """Accepts no more requests, also on connections that clients keep open, and answers those that have begun.

        Args:
            seconds: how long to wait for them.
        """
        self.server_close()
        self.draining = True
        with self._changed:
            for connection in self._connections - self._busy:
                with suppress(OSError):  # it was closed meanwhile
                    connection.shutdown(socket.SHUT_RD)  # what has arrived can still be read
            self._changed.wait_for(lambda: not self._connections, seconds)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores clients that disconnect: they are not an error of the server."""


class DrainingHandler(BaseHTTPRequestHandler):
    """Tells its server when a request begins and when it was answered."""

    server: DrainingServer

    def parse_request(self) -> bool:
        self.server.set_busy(self.connection, True)
        return super().parse_request()

    def handle_one_request(self) -> None:
        super().handle_one_request()
        self.server.set_busy(self.connection, False)
        if self.server.draining:
            self.close_connection = True
