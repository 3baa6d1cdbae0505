"""Keras files made to do harm, each in one way. The payload is always the same: a file that must not appear.

`CASES` maps a name to a builder `(folder, proof) -> path`. `SURVIVED` names those that are read, `SLOW` those that take
seconds or gigabytes.
"""

from keras_arrays import ARRAYS
from keras_code import CODE
from keras_excess import EXCESS

_KINDS = (CODE, ARRAYS, EXCESS)
CASES = {name: build for kind in _KINDS for name, build in kind.items()}
SURVIVED = {name for kind in _KINDS for name in kind.survived}
SLOW = {name for kind in _KINDS for name in kind.slow}
