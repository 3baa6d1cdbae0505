"""The figure of picture files: both halves hold every set that has something to show."""

import numpy as np
import pytest
from PIL import Image

from tfinvert import Recovered, Verdict
from tfinvert.experiments.pictures import Judged
from tfinvert.report.pictures import pictures


def judged(name, verdicts, own, deviation=0.1):
    count = len(verdicts)
    codes = np.random.default_rng(0).normal(size=(count, 3))
    found = Recovered(
        codes + deviation,
        np.zeros((count, 2, 2, 1)),
        np.geomspace(1e-6, 1e-2, count),
        np.array(verdicts),
        np.full(count, 1e-3),
        np.full(count, 3),
        np.full((count, 3), deviation),
        (),
        np.ones(count),
        np.ones(count),
    )
    return Judged(name, codes if own else None, found, 1.0)


@pytest.fixture
def figures(monkeypatch):
    """The figures that were written."""
    from tfinvert.report.figures import Picture

    kept, save = [], Picture.savefig
    monkeypatch.setattr(Picture, "savefig", lambda self, *args, **more: (kept.append(self), save(self, *args, **more)))
    return kept


def test_every_set_is_drawn(tmp_path, figures):
    sets = [
        judged("png", [Verdict.RECOVERED] * 5, True),
        judged("jpeg", [Verdict.NOT_UNIQUE] * 3 + [Verdict.NOT_IN_RANGE], True, 0.2),
        judged("photos", [Verdict.NOT_IN_RANGE] * 4, False),
    ]
    path = pictures(sets, tmp_path / "deep" / "pictures.png", "title")
    assert Image.open(path).size[0] > 1000
    left, right = figures[0].axes
    assert [text.get_text() for text in left.get_legend().get_texts()] == [
        "png: 5 of 5 matched",
        "jpeg: 3 of 4 matched",
    ]
    np.testing.assert_allclose(
        np.concatenate([dots.get_offsets() for dots in left.collections])[:, 0], [0.1] * 5 + [0.2] * 3
    )
    np.testing.assert_allclose(
        np.concatenate([dots.get_offsets() for dots in left.collections])[:, 1], [0.1] * 5 + [0.2] * 3
    )
    assert left.get_xscale() == left.get_yscale() == right.get_xscale() == "log"
    assert [len(dots.get_offsets()) for dots in right.collections] == [5, 0, 3, 1, 0, 4]  # filled and hollow, by set
    assert [label.get_text() for label in right.get_yticklabels()] == [
        "png\n100% said own",
        "jpeg\n75% said own",
        "photos\n0% said own",
    ]


def test_errors_that_no_axis_holds_do_no_harm(tmp_path, figures):
    none = judged("png", [Verdict.CONSTANT] * 2, True)
    zero = judged("photos", [Verdict.RECOVERED] * 2, False)
    sets = [none._replace(found=none.found._replace(error=np.full(2, np.inf))), zero]
    zero.found.error[:] = 0
    pictures(sets, tmp_path / "pictures.png")
    assert [len(dots.get_offsets()) for dots in figures[0].axes[1].collections] == [0, 0, 2, 0]
