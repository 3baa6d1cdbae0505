"""Stores for tests: one in memory, and S3 by moto's server behind a door that can be shut."""

from __future__ import annotations

import contextlib
import io
import logging
import socket
import threading
from collections.abc import Iterator
from typing import Any

import fsspec
import numpy as np
from PIL import Image

from tfinvert.remote import path_of, paths


class Door:
    """A way to a server. While it is shut nobody answers, as where the server was stopped."""

    def __init__(self, to: tuple[str, int]) -> None:
        self._to, self._pairs = to, list[socket.socket]()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._answer, args=(self._listening,), daemon=True).start()

    def shut(self) -> None:
        self._end(self._listening)
        while self._pairs:
            self._end(self._pairs.pop())

    def open(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._answer, args=(self._listening,), daemon=True).start()

    def _answer(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, there = listening.accept()[0], socket.create_connection(self._to)
                self._pairs += [here, there]
                for ends in ((here, there), (there, here)):
                    threading.Thread(target=self._pass, args=ends, daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(2**16):
                sink.sendall(data)
        self._end(sink)

    @staticmethod
    def _end(each: socket.socket) -> None:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


class S3:
    """A server with a bucket that is empty.

    Attributes:
      url: of the bucket, s3://...
      door: the way to it.
      environment: the variables by which it is found.
    """

    def __init__(self, door: Door, bucket: str) -> None:
        self.url, self.door = f"s3://{bucket}", door
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{door.port}",
            "AWS_ACCESS_KEY_ID": "someone",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }


@contextlib.contextmanager
def served() -> Iterator[Door]:
    """The way to a server of moto."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        yield Door(server.get_host_and_port())
    finally:
        server.stop()


def forget() -> None:
    """Has the next path ask a store anew where it is, and who asks."""
    paths._store.cache_clear()
    fsspec.AbstractFileSystem.clear_instance_cache()
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def fill(url: str, files: dict[str, bytes]) -> None:
    """Writes files below a URL."""
    for name, content in files.items():
        path_of(f"{url}/{name}").write_bytes(content)


def names(url: str) -> list[str]:
    """All files below a URL."""
    path: Any = path_of(url)
    return sorted(path.files())


def png(grey: int = 128, size: int = 8) -> bytes:
    """A picture of one grey."""
    file = io.BytesIO()
    Image.fromarray(np.full((size, size), grey, np.uint8)).save(file, "png")
    return file.getvalue()


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def fetches(url: str, monkeypatch: Any) -> list[int]:
    """The bytes of each answer of a URL's store from now on, as they come."""
    store: Any = path_of(url)
    store, found = store.fs, []
    fetch = store.cat_file

    def counted(*given: Any, **how: Any) -> bytes:
        data = fetch(*given, **how)
        found.append(len(data))
        return data

    monkeypatch.setattr(store, "cat_file", counted)
    return found
