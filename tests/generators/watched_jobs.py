"""Jobs for the watched process; it imports them by name."""

import os
import time

from tfinvert.errors import BadInput


def counts(end):
    yield from range(end)


def numbers_of_processes():
    yield os.getpid(), os.getppid()


def refuses():
    yield 1
    raise BadInput("a file", "expected another")


def fails():
    raise KeyError("odd")
    yield


def crashes():
    os.abort()
    yield


def sleeps(seconds):
    yield "begun"
    time.sleep(seconds)


def fills():
    held = []
    while True:
        held.append(bytearray(os.urandom(1) * 10**7))
        yield len(held)


def computes():
    import tensorflow as tf

    yield float(tf.reduce_sum(tf.ones([1000, 1000]) @ tf.ones([1000, 1000])))
