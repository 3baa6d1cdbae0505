"""Files that lie in a store behind a URL, such as s3://bucket/folder, by fsspec.

`schemes.py` tells them from paths, `paths.py` gives them pathlib's methods, `patience.py` is how a store is asked and
what becomes of its errors, `ranges.py` reads a part of a file, `copies.py` fetches what must be a real file. The
libraries are an extra: they are imported when the first URL comes.
"""

from tfinvert.remote.copies import local
from tfinvert.remote.patience import Refused, Unavailable
from tfinvert.remote.schemes import is_remote, path_of

__all__ = ["Refused", "Unavailable", "is_remote", "local", "path_of"]
