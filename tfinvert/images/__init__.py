"""Images: found (`sources.py`), decoded (`decode.py`), brought to a generator's size and range (`fit.py`,
`load.py`). `series.py` knows series, `glyphs.py` draws the built-in ones.
"""

from tfinvert.images.like import Scale
from tfinvert.images.load import Images, Picture, Sources, dataset, load

__all__ = ["Images", "Picture", "Scale", "Sources", "dataset", "load"]
