"""Images: found (`sources.py`), decoded (`decode.py`), brought to a generator's size and range (`fit.py`,
`load.py`). `glyphs.py` draws the built-in ones.
"""

from tfinvert.images.load import Images, Picture, Scale, Sources, dataset, load

__all__ = ["Images", "Picture", "Scale", "Sources", "dataset", "load"]
