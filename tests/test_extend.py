"""The code of docs/extend.md, run as it stands there."""

import re
from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[1] / "docs" / "extend.md").read_text(encoding="utf-8")
SECTIONS = re.split(r"^## ", TEXT, flags=re.MULTILINE)
FIRST, *SECTIONS = [(part.splitlines()[0], re.findall(r"```python\n(.*?)```", part, re.DOTALL)) for part in SECTIONS]
ALWAYS = {"A loss", "A solver"}  # what people write most; the others are slow


def test_every_section_has_code():
    assert [name for name, blocks in SECTIONS if not blocks] == []
    assert len(SECTIONS) == 7


@pytest.mark.parametrize(
    ("name", "blocks"),
    [pytest.param(*each, marks=[] if each[0] in ALWAYS else [pytest.mark.slow]) for each in SECTIONS],
    ids=[name for name, _ in SECTIONS],
)
def test_the_code_runs(name, blocks, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {"__name__": "__main__"}
    for block in (*FIRST[1], *blocks):
        exec(compile(block, f"docs/extend.md: {name}", "exec"), names)
