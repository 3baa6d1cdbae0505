"""A store that is away is asked again; one that refuses is not."""

import errno
import pickle

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError

import tfinvert as ti
from tfinvert.remote import Unavailable, patience
from tfinvert.remote.patience import Refused, asked

URL = "s3://bucket/x"


def answer(status, code=""):
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "GetObject")


def caused(error, cause):
    error.__cause__ = cause
    return error


def after(*errors):
    """What fails so, and then answers; how often it was asked is its `count`."""
    left = list(errors)

    def ask():
        ask.count += 1
        if left:
            raise left.pop(0)
        return "answer"

    ask.count = 0
    return ask


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(patience, "_FIRST", 0.001)


AWAY = [
    ConnectionRefusedError(),
    ConnectionResetError(),
    TimeoutError(),
    EndpointConnectionError(endpoint_url="http://x"),
    ReadTimeoutError(endpoint_url="http://x"),
    answer(500),
    answer(503, "SlowDown"),
    caused(OSError(errno.EBUSY, "busy"), answer(503, "SlowDown")),
    answer(429),
]


@pytest.mark.parametrize("error", AWAY, ids=lambda error: type(error).__name__)
def test_one_that_is_away_is_asked_again_and_said_once(error, caplog):
    ask = after(error, error, error)
    assert asked(URL, ask) == "answer"
    assert ask.count == 4
    assert sum("does not answer" in message for message in caplog.messages) == 1
    assert "waiting up to 300 s" in caplog.text


def test_it_is_asked_for_so_long_and_no_longer(monkeypatch):
    monkeypatch.setattr(patience, "SECONDS", 0.05)
    ask = after(*[ConnectionRefusedError("refused")] * 1000)
    with pytest.raises(Unavailable, match=r"s3://bucket/x: the store does not answer, for 0.05 seconds \(Connec"):
        asked(URL, ask)
    assert 1 < ask.count < 1000


def test_where_nobody_shall_wait_it_is_asked_once(caplog):
    ask = after(*[ConnectionRefusedError("refused")] * 2)
    with pytest.raises(Unavailable):
        asked(URL, ask, seconds=0)
    assert ask.count == 1
    assert "waiting" not in caplog.text


REFUSED = [
    (NoCredentialsError(), Unavailable, "without credentials.*AWS_ACCESS_KEY_ID"),
    (answer(403, "InvalidAccessKeyId"), Unavailable, "does not know these credentials"),
    (answer(400, "400"), Refused, "refused"),
    (caused(PermissionError("no"), answer(403, "AccessDenied")), ti.BadInput, "access denied"),
    (caused(FileNotFoundError("no"), answer(404, "NoSuchBucket")), Unavailable, "no such bucket"),
    (caused(FileNotFoundError("no"), answer(404, "NoSuchKey")), FileNotFoundError, ""),
    (answer(404), FileNotFoundError, "no such file"),
    (ValueError("two\nlines"), ti.BadInput, "cannot be used .ValueError: two lines"),
    (OSError(errno.ENOSPC, "full"), OSError, "full"),
]


@pytest.mark.parametrize(("error", "kind", "words"), REFUSED, ids=lambda each: getattr(each, "__name__", None))
def test_one_that_refuses_is_asked_once(error, kind, words):
    ask = after(error)
    with pytest.raises(kind, match=words) as told:
        asked(URL, ask)
    assert ask.count == 1
    assert "\n" not in str(told.value)


def test_it_passes_between_processes():
    error = pickle.loads(pickle.dumps(Unavailable("a", "b")))
    assert isinstance(error, Unavailable)
    assert str(error) == "a: b"
