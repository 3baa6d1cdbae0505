"""What every command does before anything else: silence TensorFlow's start, log plainly; and how it ends."""

import contextlib
import logging as python_logging
import os
import signal
import threading
from collections.abc import Callable, Iterator

from absl import logging

from tfinvert.quiet import captured


def prepare() -> None:
    """Imports TensorFlow without its remarks about devices, and sets up the log; call it once flags are parsed."""
    logging.use_absl_handler()
    logging.get_absl_handler().setFormatter(python_logging.Formatter("%(levelname)s: %(message)s"))
    logging.set_verbosity(logging.INFO)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault(
        "TF_FORCE_GPU_ALLOW_GROWTH", "true"
    )  # else nothing is left for other processes, such as workers
    with _uninterrupted(), captured():
        import tensorflow  # noqa: F401

        import tfinvert  # noqa: F401
    # Every inverter has its own graphs. TensorFlow counts them as one function's, and warns of tracing it too often.
    python_logging.getLogger("tensorflow").addFilter(lambda record: "tf.function retracing" not in record.getMessage())


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Holds Ctrl-C back until the end: in the middle of an extension's import it would become an `ImportError`."""
    own = threading.current_thread() is threading.main_thread()
    if not own or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    pressed: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if pressed:
        raise KeyboardInterrupt


def run(argv: list[str], work: Callable[[], int | None], stopped: str) -> int:
    """Does a command's work; what goes wrong for want of good input is told in one line.

    Args:
      argv: the command's name, and what absl took for no flag.
      work: gives an exit code, or None for 0.
      stopped: what to say after Ctrl-C.

    Returns:
      The exit code: that of the work, 1 where nothing could be done, 130 after Ctrl-C.
    """
    if len(argv) > 1:
        logging.error("%s: no such argument; is a flag's value that the shell expands in quotes?", " ".join(argv[1:3]))
        return 1
    try:
        prepare()
        from tensorflow.errors import ResourceExhaustedError

        from tfinvert.errors import BadInput

        try:
            return work() or 0
        except (BadInput, OSError) as error:  # the second where a folder cannot be written
            logging.error("%s", error)
            return 1
        except ResourceExhaustedError:
            logging.error("out of memory: lower --batch_size, or take smaller images or networks")
            return 1
    except KeyboardInterrupt:
        logging.warning("%s", stopped)
        return 130


def numbers(name: str, texts: list[str], kind: type) -> tuple:
    """The numbers of a flag such as --value_range=-1,1.

    Raises:
      BadInput: they are none.
    """
    from tfinvert.errors import BadInput

    try:
        return tuple(kind(text) for text in texts)
    except ValueError as error:
        raise BadInput(f"--{name}={','.join(texts)}", "expected numbers with commas between") from error
