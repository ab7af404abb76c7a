"""The notebooks as they are stored: small, run from top to bottom, checked by assertions.

`python docs/run_notebooks.py` runs them; it is a part of .ci/run.
"""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "notebooks"
NOTEBOOKS = ["lecture", "own_environment"]


def cells(name, kind):
    notebook = json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def test_the_index_lists_each():
    assert sorted(path.stem for path in FOLDER.iterdir()) == NOTEBOOKS
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert all(f"](notebooks/{name}.ipynb)" in index for name in NOTEBOOKS)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_was_run_from_top_to_bottom_and_is_small(name):
    code = cells(name, "code")
    assert [cell["execution_count"] for cell in code] == [*range(1, len(code) + 1)]
    kinds = [output["output_type"] for cell in code for output in cell["outputs"]]
    assert kinds.count("display_data") >= 2
    assert "error" not in kinds
    assert (FOLDER / f"{name}.ipynb").stat().st_size < 200_000


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_shows_no_folder_of_a_machine(name):
    text = (FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")
    assert not [word for word in ("/home/", "/root/", "/tmp/", "/Users/") if word in text]


def test_the_tour_has_the_lecture_in_its_order_and_asserts_each_part():
    titles = ["".join(cell["source"]).split("\n")[0] for cell in cells("lecture", "markdown")]
    numbers = [title.split(".")[0] for title in titles if title.startswith("## L")]
    assert numbers == [f"## L{k}" for k in range(1, 13)]
    sources = ["".join(cell["source"]) for cell in cells("lecture", "code")]
    assert sum("assert " in source for source in sources) == len(sources) - 1  # but the imports
