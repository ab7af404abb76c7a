"""Run the notebooks from top to bottom: `python docs/run_notebooks.py [--write]`.

A cell that raises, an assertion among others, ends the run with an error. With --write their
outputs are stored in the files, which GitHub and the documentation site show.
"""

import argparse
import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent / "notebooks"
LARGEST = 200_000  # bytes of a file
TIMEOUT = 600.0  # seconds, for a cell, and for the start of a kernel on a busy machine


def executed(path: Path) -> nbformat.NotebookNode:
    """The notebook with the outputs of a fresh run."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT,
        startup_timeout=TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(FOLDER)}},
        record_timing=False,
    )
    client.execute()
    notebook.metadata.language_info = {"name": "python"}  # the version depends on who runs it
    return notebook


def main() -> None:
    """Run all notebooks."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true", help="store the outputs")
    write = parser.parse_args().write
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    for path in sorted(FOLDER.glob("*.ipynb")):
        text = nbformat.writes(executed(path))
        size = len(text.encode())
        print(f"{path.name}: {size / 1000:.0f} kB")
        if size > LARGEST:
            raise SystemExit(f"{path.name}: expected at most {LARGEST:,} bytes, got {size:,}")
        if write:
            path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
