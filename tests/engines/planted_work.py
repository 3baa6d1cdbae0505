"""Work that does what its items say, such as crashing whoever does it."""

import os
import signal
import time

from tfinvert.engines import Sign
from tfinvert.errors import BadInput


class Doubling:
    """A `Start`: items are doubled, and texts are done as orders.

    Args:
      trace: a file to which each process that begins adds a line.
      fault: an order that is done at the start.
      alone: whether each item is told before it is done, so that it is known who is to blame.
    """

    def __init__(self, trace=None, fault=None, alone=False):
        self.trace, self.fault, self.alone = trace, fault, alone

    def __call__(self):
        if self.trace is not None:
            with open(self.trace, "a") as file:
                file.write(f"{os.getpid()}\n")
        if self.fault is not None:
            done(self.fault)
        return self.work

    def work(self, task, tell):
        results = []
        for number, item in enumerate(task.items):
            tell(Sign(item=number if self.alone else None))
            results.append(done(item))
        return results


def done(item):
    if not isinstance(item, str):
        return 2 * item
    order, _, rest = item.partition(":")
    if order == "signal":
        os.kill(os.getpid(), getattr(signal, rest))
        time.sleep(10)
    elif order == "gpus":
        with open(rest, "w") as file:
            file.write(os.environ.get("CUDA_VISIBLE_DEVICES", "all"))
    elif order == "exit":
        os._exit(int(rest))
    elif order == "sleep":
        time.sleep(float(rest))
    elif order == "eat":  # as much at once as it says, in MB
        held = bytearray(int(rest) * 10**6)
        time.sleep(10)
        del held
    elif order == "refuse":
        raise BadInput(rest, "expected another")
    elif order == "fail":
        raise RuntimeError(rest)
    elif order == "once":  # the first who comes is killed
        try:
            os.close(os.open(rest, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return "survived"
        os.kill(os.getpid(), signal.SIGKILL)
    elif order == "where":
        return os.getcwd()
    elif order == "parent":
        return os.getppid()
    elif order == "environment":
        return os.environ.get(rest)
    return item
