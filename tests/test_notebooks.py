"""Every notebook runs, with its sizes cut down, and is what its .py file says."""

import json
import re
import shutil
from pathlib import Path

import pytest
from small_biggan import small_biggan

from tfinvert.gans.hub_module import write_hub_module

jupytext = pytest.importorskip("jupytext")
nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")

COLAB = Path(__file__).parents[1] / "colab"
# What is cut down in each; a replacement that is not found fails, so that none is left behind by an edit.
SMALLER = {
    "invert_your_photos": {"restarts=4)": "restarts=1)", "steps=50)": "steps=2)", "limit=24": "limit=3"},
    "exact_recovery": {
        "sample(16,": "sample(2,",
        "Recovery(generator)": "Recovery(generator, samples=300)",
        "limit=8": "limit=1",
        "attempts=1": "attempts=1, samples=300",
    },
    "train_a_gan": {
        "limit=12_000": "limit=128",
        "epochs=10": "epochs=1",
        "limit=24": "limit=3",
        "steps=300": "steps=3",
    },
    "compare_your_gans": {
        "limit=6_000": "limit=128",
        "epochs=4": "epochs=1",
        "limit=40": "limit=11",
        "steps=200": "steps=3",
    },
    "biggan": {
        "https://tfhub.dev/deepmind/biggan-128/2": "small_biggan",
        "label = 207": "label = 3",
        ' + ti.Features("mixed8")': "",
        "steps = 300": "steps = 2",
        "batch_size=2))": "batch_size=2), solver=ti.Adam(steps=2))",
        "points, 16": "points, 2",
        "[258, 281, 291]": "[0, 1]",
    },
}


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    """A folder with what stands for modules that would be downloaded."""
    folder = tmp_path_factory.mktemp("modules")
    write_hub_module(small_biggan(), folder / "small_biggan", attention=8)
    return folder


def cells(notebook):
    return [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]


@pytest.mark.parametrize("source", sorted(COLAB.glob("*.py")), ids=lambda path: path.stem)
def test_the_notebook_is_what_its_source_says(source):
    committed = json.loads(source.with_suffix(".ipynb").read_text())
    assert cells(committed) == [(cell.cell_type, cell.source) for cell in jupytext.read(source).cells]
    assert not any(cell.get("outputs") for cell in committed["cells"])


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(path, marks=() if path.stem == "invert_your_photos" else pytest.mark.slow)  # one for every day
        for path in sorted(COLAB.glob("*.py"))
    ],
    ids=lambda path: path.stem,
)
def test_the_notebook_runs(source, tmp_path, modules):
    shutil.copytree(modules, tmp_path, dirs_exist_ok=True)
    notebook = jupytext.read(source)
    for old, new in SMALLER[source.stem].items():
        assert any(old in cell.source for cell in notebook.cells), f"{old} is no longer in {source.name}"
        for cell in notebook.cells:
            cell.source = cell.source.replace(old, new)
    # A slider keeps what its function raises to itself.
    for slider in re.findall(r"@interact\(.*\)\ndef (\w+)", "\n".join(cell.source for cell in notebook.cells)):
        notebook.cells.append(nbformat.v4.new_code_cell(f"{slider}(1)"))
    # nbclient now and then misses that a slider's cell is done, waits out its time, and goes on.
    seconds = lambda cell: 15 if "@interact" in cell.source else 300
    nbclient.NotebookClient(notebook, timeout_func=seconds, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in shown), "the figure is not displayed"
