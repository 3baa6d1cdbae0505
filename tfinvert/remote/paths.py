"""A path in a store: pathlib's methods by universal-pathlib, each of which asks the store patiently and anew."""

from __future__ import annotations

import errno
import fnmatch
import functools
import io
import logging
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any, TypeVar

import fsspec
from upath.extensions import ProxyUPath

from tfinvert.errors import BadInput, short
from tfinvert.remote.patience import asked, no_bucket
from tfinvert.remote.ranges import Ranges
from tfinvert.remote.schemes import EXTRA

_BLOCK = 2**19  # bytes that are fetched at once, at least
_WHOLE = 4  # blocks of a file that is fetched as a whole, whatever is wanted of it
# The libraries' own retries say nothing while they wait, and each has another end: `patience` is the one place.
_ONCE = {"config_kwargs": {"retries": {"total_max_attempts": 1}}}
_OPTIONS: dict[str, dict[str, Any]] = {"s3": _ONCE, "s3a": _ONCE}
# fsspec knows many more, such as FTP, Git and web pages: no others are asked because a stranger's run names them.
STORES = ("s3", "s3a", "gs", "gcs", "hdfs", "memory")
_EXPECTED = "expected s3://, gs:// or hdfs://"
_NO_BUCKET = ("memory", "hdfs")
_SEEN_EARLY = ("hdfs",)  # where a file is seen while it is being written
_Found = TypeVar("_Found")


class RemotePath(ProxyUPath):
    """A file or a folder in a store.

    It is no `pathlib.Path`, for the operating system cannot open it, but has the methods of one that this package
    calls. Objects have no folders: one is there as long as something lies in it, and none need be made.
    """

    __slots__ = ()

    @classmethod
    def of(cls, url: str) -> RemotePath:
        """The path of a URL.

        Raises:
          BadInput: see `tfinvert.remote.path_of`.
        """
        scheme, _, rest = url.partition("://")
        scheme = scheme.lower()
        if scheme == "file":
            raise BadInput(url, "give the path itself, without the scheme")
        if scheme not in STORES:
            raise BadInput(f"{url} is of the unknown scheme {scheme}", _EXPECTED)
        if scheme not in _NO_BUCKET and not rest.partition("/")[0]:
            raise BadInput(f"{url} names no bucket", f"expected {scheme}://BUCKET/FOLDER")
        try:
            path = cls(f"{scheme}://{rest}")
            _ = path.fs
        except ImportError as error:
            raise BadInput(f"{url} needs another package ({short(error)})", EXTRA) from error
        except ValueError as error:
            raise BadInput(f"{url} is no path in a store ({short(error)})", _EXPECTED) from error
        except OSError as error:
            reason = str(error).splitlines()[0][:160]
            raise BadInput(f"{url} cannot be opened ({reason})", f"see whether {scheme} is set up here") from error
        return path

    @property
    def fs(self) -> Any:
        """What asks the store; one for each process, for a forked one cannot go on with its parent's."""
        return _store(self.protocol, os.getpid(), tuple(sorted(self.storage_options.items())))

    def ask(self, method: Callable[..., _Found], *given: Any, **named: Any) -> _Found:
        """What the store answers to this method of its file system, asked of this path.

        Raises:
          FileNotFoundError, BadInput: as of `asked`.
        """
        return asked(str(self), lambda: method(self.path, *given, **named))

    def about(self) -> dict[str, Any] | None:
        """What the store says of it: "type", "size" and more; None where there is nothing."""
        try:
            return self.ask(self.fs.info)
        except FileNotFoundError:
            return None

    def exists(self, *, follow_symlinks: bool = True) -> bool:
        return self.about() is not None

    def is_file(self) -> bool:
        return (self.about() or {}).get("type") == "file"

    def is_dir(self) -> bool:
        return (self.about() or {}).get("type") == "directory"

    def is_symlink(self) -> bool:
        return False

    def stat(self, *, follow_symlinks: bool = True) -> Any:
        """Its "st_size" in bytes."""
        return SimpleNamespace(st_size=self.ask(self.fs.info)["size"] or 0)

    def listing(self) -> list[dict[str, Any]]:
        """What lies in a folder, as `about` says it, by name; nothing where there is no folder."""
        try:
            found = self.ask(self.fs.ls, detail=True, refresh=True)
        except FileNotFoundError:
            return []
        own = self.path.strip("/")
        return [each for each in found if each["name"].strip("/") != own]  # some list themselves

    def iterdir(self) -> Iterator[RemotePath]:
        return (self / each["name"].rstrip("/").rpartition("/")[2] for each in self.listing())

    def glob(self, pattern: str, **_: Any) -> Iterator[RemotePath]:
        """What lies in a folder under such names; the pattern has no folders."""
        return (path for path in self.iterdir() if fnmatch.fnmatchcase(path.name, pattern))

    def open(  # type: ignore[override]
        self, mode: str = "r", buffering: int = _BLOCK, *, encoding: str | None = None, **_: Any
    ) -> IO:
        """A file for reading; a large one is fetched by ranges of `buffering` bytes or more, as it is read."""
        about = self.ask(self.fs.info)
        if about["type"] != "file":
            raise BadInput(f"{self} is a folder", "expected a file")
        size = about["size"] or 0
        whole = size <= _WHOLE * buffering
        file: Any = io.BytesIO(self.read_bytes()) if whole else io.BufferedReader(Ranges(self, size), buffering)
        return file if "b" in mode else io.TextIOWrapper(file, encoding or "utf-8")

    def read_bytes(self) -> bytes:
        return self.ask(self.fs.cat_file)

    def write_bytes(self, data: bytes) -> int:
        self._written(lambda: self.fs.pipe_file(self.path, data))
        return len(data)

    def modified(self) -> float:
        """When it was written, in seconds, by the store's clock."""
        return self.ask(self.fs.modified).timestamp()

    def put(self, file: Path, new: bool = False) -> None:
        """Makes it of a file here: it is there whole, or not at all.

        Args:
          file: that is sent.
          new: whether there must be no other yet.

        Raises:
          FileExistsError: there is one.
        """
        if self.protocol in _SEEN_EARLY:
            if new and self.exists():
                raise FileExistsError(str(self))
            hidden = self.with_name(f".{secrets.token_hex(8)}-{self.name}")
            hidden._send(file)
            self.unlink(missing_ok=True)
            hidden.ask(self.fs.mv, self.path)
        elif new:
            self._create(file)
        else:
            self._send(file)

    def _send(self, file: Path, **how: Any) -> None:
        self._written(lambda: self.fs.put_file(str(file), self.path, **how))

    def _written(self, write: Callable[[], Any]) -> None:
        try:
            asked(str(self), write)
        except FileNotFoundError as error:  # Google's word for it
            raise no_bucket(str(self)) from error

    def _create(self, file: Path) -> None:
        try:
            self._send(file, mode="create")
        except FileExistsError:  # of a try, perhaps, whose answer was lost
            if self.read_bytes() != file.read_bytes():
                raise
        except BadInput as error:
            if getattr(error.__cause__, "errno", None) != errno.ENOSYS:  # stores that do not know of it yet
                raise
            self._send(file)

    def get(self, file: Path) -> None:
        """Copies it to a file here."""
        self.ask(self.fs.get_file, str(file))

    def unlink(self, missing_ok: bool = False) -> None:
        if not missing_ok and not self.exists():
            raise FileNotFoundError(str(self))
        try:
            self.ask(self.fs.rm_file)
        except FileNotFoundError:  # others did
            return

    def remove(self) -> None:
        """Takes away a file, or a folder with all that is in it, if it is there."""
        try:
            self.ask(self.fs.rm, recursive=True)
        except FileNotFoundError:
            return

    def files(self) -> dict[str, dict[str, Any]]:
        """All files below a folder, by their paths from there, with what `about` says."""
        found = self.ask(self.fs.find, detail=True, refresh=True)
        own = f"{self.path.strip('/')}/"
        names = {name.strip("/").removeprefix(own): about for name, about in found.items()}
        return {name: about for name, about in names.items() if about.get("type", "file") == "file"}

    def matching(self) -> list[tuple[str, str]]:
        """URLs that this one matches as a pattern, by name, and the types that `about` gives of them."""
        found = self.ask(self.fs.glob, detail=True)
        return sorted(
            (str(type(self).of(self.fs.unstrip_protocol(name))), each["type"]) for name, each in found.items()
        )

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        """Nothing: an object needs no folder."""

    def resolve(self, strict: bool = False) -> RemotePath:
        return self

    def absolute(self) -> RemotePath:
        return self

    def expanduser(self) -> RemotePath:
        return self


@functools.cache
def _store(protocol: str, process: int, stated: tuple[tuple[str, Any], ...]) -> Any:
    """The file system of a protocol. It asks anew each time, for others write there, too.

    Args:
      protocol: such as "s3".
      process: that asks.
      stated: what URLs say of it, such as the host and port of HDFS.
    """
    made = fsspec.filesystem(protocol, use_listings_cache=False, **{**_OPTIONS.get(protocol, {}), **dict(stated)})
    if protocol in ("s3", "s3a"):
        made.retries = 1
    # They tell of each try, with traces, and where they found credentials.
    for name in (type(made).__module__.partition(".")[0], "botocore", "aiobotocore"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return made
