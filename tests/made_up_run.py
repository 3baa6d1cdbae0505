"""A run's folder as `tfinvert invert` leaves it, without any inversion."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfinvert.images import Scale
from tfinvert.images.encode import packed
from tfinvert.runs import Store
from tfinvert.runs.job import stated
from tfinvert.settings import Job, as_nest


def made_up_run(
    folder: Path, images: Any, shape: Sequence[int], rows: Sequence[dict[str, Any]], **settings: Any
) -> Store:
    """A run of these rows.

    Args:
      folder: for it.
      images: where its images are.
      shape: (H, W, C) or (L, C) of its generator.
      rows: as of `Store.write`, in their order; see `row`.
      **settings: of a `Job`.
    """
    job = Job.of(**{"out": str(folder), "images": str(images), "prior": "normal(8)", "value_range": [0, 1], **settings})
    store = Store(folder)
    store.claim(
        stated(job),
        {"image_shape": list(shape), "assumed": [], "versions": {"python": "3"}, "limits": as_nest(job.limits)},
    )
    if rows:
        store.write([{"place": place, **row} for place, row in enumerate(rows)])
    store.close()
    return store


def row(
    image_id: str,
    image: Any = None,
    mse: float | None = None,
    latent: Any = None,
    like: tuple[float, float] = (0, 1),
    **values: Any,
) -> dict[str, Any]:
    """What a run found for an image.

    Args:
      image_id: its id.
      image: the reconstruction [H, W, C] or [L, C] in [0, 1]; None where nothing was found.
      mse: of the reconstruction.
      latent: the reconstruction of the code alone, in two-step runs.
      like: the generator's value range.
      **values: of other columns.
    """
    found = {
        "id": image_id,
        "status": "finished",
        "message": "all steps were taken",
        "reconstruction": _packed(image, like),
    }
    if mse is not None:
        found |= {"mse": mse, "psnr": -10 * np.log10(mse), "ssim": 0.5, "loss": mse, "steps": 10, "seconds": 0.1}
    if latent is not None:
        found |= {"reconstruction_latent": _packed(latent, like), "mse_latent": 2 * mse, "delta_zeros": 0.25}
    return {**found, **values}


def _packed(image: Any, like: tuple[float, float]) -> bytes | None:
    if image is None:
        return None
    image = np.asarray(image)
    return packed(image, Scale(image.shape, like))
