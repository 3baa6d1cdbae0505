"""Methods that do to some samples' workers what should not happen."""

import os
import signal

from tfinvert.experiments.methods import Method


class Poisoned(Method):
    """Ends whoever works on "sample 1"."""

    def on(self, generator, **how):
        find = super().on(generator, **how)

        def poisoned(images, ids, labels=None, watch=None):
            if "sample 1" in ids:
                os.kill(os.getpid(), signal.SIGKILL)
            return find(images, ids, labels, watch)

        return poisoned
