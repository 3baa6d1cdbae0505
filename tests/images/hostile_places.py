"""Folders, pipes, devices and files of labels of the zoo: see `hostile_images.py`."""

import os
import socket

from hostile_case import SMALL, TERA, Case, file, npy, saved


def fifo(folder, name="a.png", what="folder"):
    os.mkfifo(folder / name)
    return str(folder if what == "folder" else folder / name)


def link(target, name="a.png", what="folder"):
    def make(folder):
        os.symlink(target, folder / name)
        return str(folder if what == "folder" else folder / name)

    return make


def bound_socket(folder):
    place = os.getcwd()
    os.chdir(folder)  # a socket's path may be short only
    socket.socket(socket.AF_UNIX).bind("a.png")
    os.chdir(place)
    return str(folder)


def circle(folder):
    """A folder with a picture and a link to itself."""
    SMALL.save(folder / "a.png")
    os.symlink(folder, folder / "b")
    return str(folder)


def deep(folder):
    """A picture below 1,900 folders."""
    handle = os.open(folder, os.O_RDONLY)
    for _ in range(1_900):
        os.mkdir("d", dir_fd=handle)
        lower = os.open("d", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = lower
    with os.fdopen(os.open("a.png", os.O_CREAT | os.O_WRONLY, dir_fd=handle), "wb") as opened:
        opened.write(saved(SMALL, "PNG"))
    os.close(handle)
    return str(folder)


def odd_names(folder):
    for name in (b"new\nline.png", b"\xff\xfe.png", b" .png", b"a" * 250 + b".png"):
        (folder / os.fsdecode(name)).write_bytes(saved(SMALL, "PNG"))
    return str(folder)


FOLDERS = [
    Case("pipe named .png in a folder", fifo, "is a pipe: expected a regular file"),
    Case("pipe named .png", lambda folder: fifo(folder, what="file"), "which is a pipe"),
    Case(
        "pipe named .png by a pattern",
        lambda folder: fifo(folder).replace("a.png", "") + "/*.png",
        "is a pipe: expected",
    ),
    Case("pipe named .npy", lambda folder: fifo(folder, "a.npy", "file"), "which is a pipe"),
    Case("socket named .png in a folder", bound_socket, "is a socket"),
    Case("/dev/zero", lambda folder: "/dev/zero", "images /dev/zero, which is a device"),
    Case("link to /dev/zero in a folder", link("/dev/zero"), "is a device"),
    Case("link to itself in a folder", link("a.png"), "symbolic links"),
    Case("link to itself", link("a.png", what="file"), "a link that cannot be followed"),
    Case("link to its own folder", circle, "read"),
    Case("picture below 1900 folders", deep, "read"),
    Case("names with lines and bytes that are no text", odd_names, "read"),
    Case("a zero byte in a name", lambda folder: "a\0.png", "expected"),
]

LABELS = [
    Case("labels from a pipe", lambda folder: fifo(folder, "labels.csv", "file"), "a pipe", labels=True),
    Case("labels from /dev/zero", lambda folder: "/dev/zero", "a device", labels=True),
    Case("labels of 1 TB", file(b"1\n", "labels.txt", TERA), "of more than 256 MB", labels=True),
    Case(
        "labels with a field of 1 MB",
        file(b"id,label\n" + b"a" * 10**6 + b",1\n", "labels.csv"),
        "field larger",
        labels=True,
    ),
    Case(
        "labels of 5000 digits", file(b"1" * 5_000, "labels.txt"), "labels.txt .*expected a class number", labels=True
    ),
    Case("label of 5000 digits", lambda folder: "1" * 5_000, "expected a class number", labels=True),
    Case("label beyond 32 bits", file(b"1\n99999999999\n", "labels.txt"), "expected a class number", labels=True),
    Case(
        "labels of 1 TB in .npy", file(npy((10**12,)), "labels.npy", TERA + 1_000), "1000000000000 labels", labels=True
    ),
    Case(
        "label that is a digit only to Unicode",
        file("\u00b2\n".encode(), "labels.txt"),
        "expected a class number",
        labels=True,
    ),
]
