"""Segmentation of images by the self-attention of the generator that they were inverted into.

Pividori et al., "Exploiting GAN Internal Capacity for High-Quality Reconstruction of Natural Images", section 5.
`attention.py` finds the map in a generator's graph, `layout.py` says what its axes mean, `clusters.py` makes clusters
of its places, `regions.py` regions of an image, and `segmenter.py` does it all for the images of a run.
"""

from tfinvert.segmentation.attention import Attention, find
from tfinvert.segmentation.clusters import GROUPINGS, segment
from tfinvert.segmentation.regions import enlarged, mean_colours
from tfinvert.segmentation.segmenter import Segmenter

__all__ = ["GROUPINGS", "Attention", "Segmenter", "enlarged", "find", "mean_colours", "segment"]
