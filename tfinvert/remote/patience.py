"""How a store is asked: again where it does not answer, and with one line where it refuses."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from absl import logging

from tfinvert.errors import BadInput, chain, short

SECONDS = 300.0  # that a store may be away
_FIRST, _LONGEST = 0.5, 20.0  # seconds between two questions
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})  # HTTP's own; a store that is overloaded says such things
_AWAY = frozenset(  # what the libraries raise where nobody answers, beside Python's own; they need not be there
    {
        "botocore.exceptions.HTTPClientError",
        "botocore.exceptions.ConnectionError",
        "aiohttp.client_exceptions.ClientConnectionError",
        "aiohttp.client_exceptions.ClientPayloadError",
        "google.auth.exceptions.TransportError",
        "requests.exceptions.ConnectionError",
        "requests.exceptions.Timeout",
    }
)
_LOCAL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})  # of the copy here, not of the store
_EXPIRED = frozenset({"ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken"})
_SIGN_IN = {  # by the first letters of schemes
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    "gs": "run gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS",
    "gc": "run gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS",
}
_WHERE = {"s3": " (AWS_ENDPOINT_URL says where)"}
_Found = TypeVar("_Found")


class Unavailable(BadInput):
    """A store as a whole cannot be used: it does not answer, or knows neither these credentials nor this bucket."""


class Refused(BadInput):
    """A store does not give one of its files; a question that it answers in words may tell more."""


class _Said(NamedTuple):
    """What a store said of itself in an error."""

    kinds: frozenset[str]  # full names of the errors' classes
    status: int  # of HTTP, or 0
    code: str  # such as NoSuchBucket; "" where there is none


def asked(url: str, ask: Callable[[], _Found], seconds: float | None = None) -> _Found:
    """What a store answers.

    One that is away is asked again, with growing pauses, for `SECONDS`; the log says once that it is waited for.

    Args:
      url: of what it is asked for.
      ask: may be called several times.
      seconds: how long a store that is away is asked; default: `SECONDS`.

    Raises:
      FileNotFoundError, FileExistsError: there is no such file or folder, or there is one and must not be.
      Unavailable: the store is still away; or there are no credentials, or no such bucket.
      BadInput: it refuses.
    """
    seconds = SECONDS if seconds is None else seconds
    end, pause = time.monotonic() + seconds, _FIRST
    while True:
        try:
            return ask()
        except (BadInput, FileExistsError):
            raise
        except Exception as error:
            said = _said(error)
            if not _away(error, said):
                refusal = _refusal(url, error, said)
                raise refusal from (None if refusal is error else error)
            if time.monotonic() >= end:
                raise Unavailable(
                    f"{url}: the store does not answer, for {seconds:g} seconds ({short(error)})",
                    f"see whether it is there{_WHERE.get(url[:2], '')}; then the same command goes on",
                ) from error
            if pause == _FIRST:
                where = _WHERE.get(url[:2], "")
                logging.warning(
                    "%s: the store does not answer (%s): waiting up to %g s%s", url, short(error), seconds, where
                )
            time.sleep(min(pause, max(0.0, end - time.monotonic())))
            pause = min(2 * pause, _LONGEST)


def _away(error: BaseException, said: _Said) -> bool:
    """Whether the same question may be answered later."""
    if said.status:
        return said.status in _PASSING
    return isinstance(error, (ConnectionError, TimeoutError)) or not said.kinds.isdisjoint(_AWAY)


def _refusal(url: str, error: Exception, said: _Said) -> Exception:
    """What is to be raised for an error that stays."""
    sign_in = _SIGN_IN.get(url[:2].lower(), "sign in to the store first")
    if said.code == "NoSuchBucket":
        return no_bucket(url)
    if isinstance(error, FileNotFoundError) or said.status == 404:
        return error if isinstance(error, FileNotFoundError) else FileNotFoundError(errno.ENOENT, "no such file", url)
    if any("Credential" in kind or kind.startswith("google.auth.") for kind in said.kinds):
        return Unavailable(f"{url} without credentials ({short(error)})", sign_in)
    if said.code in _EXPIRED or said.status == 401:
        return Unavailable(f"{url}: the store does not know these credentials ({short(error)})", sign_in)
    if isinstance(error, PermissionError) or said.status == 403:
        return Refused(f"{url}: access denied ({short(error)})", "ask for the right to read, write and list there")
    if said.code == "400":  # of a question whose answer has no words: so it is where credentials have expired
        return Refused(f"{url}: refused ({short(error)})", "sign in anew, or see whether it can be read by other means")
    if isinstance(error, OSError) and error.errno in _LOCAL:
        return error
    return BadInput(f"{url} cannot be used ({short(error)})", "expected a file or a folder that this store has")


def no_bucket(url: str) -> Unavailable:
    """Says that there is none."""
    return Unavailable(f"{url}: no such bucket", "make it first, or see how it is spelled")


def _said(error: BaseException) -> _Said:
    kinds, status, code = set(), 0, ""
    for each in chain(error):
        kinds |= {f"{kind.__module__}.{kind.__qualname__}" for kind in type(each).__mro__}
        response: Any = getattr(each, "response", None)  # of botocore
        if isinstance(response, dict):
            status = status or int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
            code = code or str(response.get("Error", {}).get("Code", ""))
        for name in ("code", "status"):  # of gcsfs, of aiohttp
            number = getattr(each, name, None)
            status = status or (number if isinstance(number, int) else 0)
    return _Said(frozenset(kinds), status, code)
