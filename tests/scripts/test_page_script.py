"""`tfinvert page` through its `main`."""

import numpy as np
import pytest
from absl.testing import flagsaver
from made_up_run import made_up_run, row


@pytest.fixture(scope="module")
def script(load_script):
    return load_script("page")


@pytest.fixture
def page(script, caplog):
    """Runs `main` with these flags; gives the exit code and what was logged."""

    def call(**values):
        caplog.clear()
        with flagsaver.flagsaver(**{name: str(value) if name == "run" else value for name, value in values.items()}):
            code = script.main(["page.py"])
        return code, "\n".join(caplog.messages)

    return call


def test_a_finished_run_has_a_page(page, tmp_path):
    image = np.full((4, 4, 3), 0.5)
    made_up_run(tmp_path, "gone/*.png", (4, 4, 3), [row(f"gone/{number}.png", image, 0.01) for number in range(5)])
    code, log = page(run=tmp_path, most=3)
    assert code == 0
    assert "index.html" in log
    text = (tmp_path / "index.html").read_text()
    assert text.count('<li class="card') == 3
    assert "no such file, folder or match" in text


def test_a_folder_that_is_no_run_is_told_in_one_line_and_left_alone(page, tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        code, log = page(run=folder)
        assert code == 1
        assert "holds no run" in log
        assert "Traceback" not in log
    assert not list(tmp_path.iterdir())
