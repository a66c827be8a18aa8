"""Every notebook runs from top to bottom where it stands, without a warning, shows charts and uses only `sim`."""

import ast
import os
import warnings
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import sim

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
LONGEST = 600
"""Seconds for one cell, on a busy machine."""

each = pytest.mark.parametrize("file", NOTEBOOKS, ids=[file.stem for file in NOTEBOOKS])


def code_of(notebook: nbformat.NotebookNode) -> str:
    """All cells as one program, without the commands of IPython."""
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return "\n".join(line for cell in cells for line in cell.splitlines() if not line.startswith(("%", "!")))


def test_the_notebooks_are_there():
    if not NOTEBOOKS:
        pytest.skip("there are no notebooks yet")
    names = {"01_first_run", "02_traditional_and_smart", "03_one_reform_at_a_time"}
    assert names <= {file.stem for file in NOTEBOOKS}


@each
def test_it_uses_the_public_interface_only(file: Path):
    tree = ast.parse(code_of(nbformat.read(file, as_version=4)))
    imported = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    imported += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert "sim" in imported
    assert not [name for name in imported if name.startswith("sim.")]
    asked = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _is_sim(node.value)}
    assert asked <= set(sim.__all__), asked - set(sim.__all__)
    hidden = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr.startswith("_")]
    assert not hidden


def _is_sim(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "sim"


@each
def test_it_runs_and_shows_charts(file: Path, monkeypatch: pytest.MonkeyPatch):
    # The kernel chooses its own way of drawing; the suite's would show nothing.
    monkeypatch.delenv("MPLBACKEND", raising=False)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(file.parent.parent), os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(file, as_version=4)
    strict = nbformat.v4.new_code_cell("import warnings; warnings.simplefilter('error')")
    notebook.cells.insert(0, strict)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the client's own packages, in this process
        NotebookClient(
            notebook, timeout=LONGEST, kernel_name="python3", resources={"metadata": {"path": str(file.parent)}}
        ).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "stream" and output.name == "stderr"]
    kinds = [kind for output in outputs for kind in output.get("data", {})]
    assert "image/png" in kinds or "image/svg+xml" in kinds
