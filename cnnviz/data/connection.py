"""Connections to web servers that another thread can end at any moment."""

import http.client
import socket
import threading
import urllib.request
from contextlib import suppress


class Line:
    """What connects a thread to a server; another thread can cut it, whatever the first one waits for.

    Attributes
    ----------
    is_cut : bool
        Whether that has happened.
    """

    def __init__(self) -> None:
        self.is_cut = False
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def open(self, url: str, timeout: float) -> http.client.HTTPResponse:
        """Return what the server answers; it is read while it arrives.

        Raises
        ------
        OSError, http.client.HTTPException, ValueError
            If there is no connection, if the server is silent for ``timeout`` seconds, redirects, tells a fault or
            does not speak HTTP, or if the line is cut.
        """
        return urllib.request.build_opener(_NoRedirects, _Http(self), _Https(self)).open(url, timeout=timeout)

    def hold(self, connected: socket.socket) -> None:
        """Take the connection that the line consists of; OSError where the line has been cut already."""
        with self._lock:
            self._socket = connected
            if self.is_cut:
                raise ConnectionAbortedError

    def cut(self) -> None:
        """End the connection, and let none begin any more."""
        with self._lock, suppress(OSError):  # raised where the connection has ended already
            self.is_cut = True
            if self._socket is not None:
                # As of a plain socket: an encrypted one would first say goodbye, and wait for the answer.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class _OnALine(urllib.request.AbstractHTTPHandler):
    """Makes connections that hang on a line."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line

    def do_open(self, http_class: type[http.client.HTTPConnection], *args: object, **kwargs: object) -> object:
        """Send a request through a connection of the kind ``http_class``."""
        line = self._line

        class Connection(http_class):
            def connect(self) -> None:
                super().connect()
                line.hold(self.sock)

        return super().do_open(Connection, *args, **kwargs)


class _Http(_OnALine, urllib.request.HTTPHandler):
    pass


class _Https(_OnALine, urllib.request.HTTPSHandler):
    pass


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Takes a redirect for the fault that it is: the mirrors need none, the log-in page of a network uses one."""

    def redirect_request(self, *_: object) -> None:
        """Return no request to go on with, so that the opener raises :class:`urllib.error.HTTPError`."""
