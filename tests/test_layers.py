"""The layers of ``sim/``: each imports only from below, and each heavy library has one home."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# From the ground up. `sim` is the package's own __init__, the Python interface.
LAYERS = ("errors", "scenario", "engine", "measures", "study", "report", "verify", "sim", "cli", "__main__")

HOMES = {
    "ciw": {"verify"},
    "distributed": {"study"},
    "llvmlite": {"engine"},
    "numba": {"engine"},
    "simpy": {"engine"},
    "matplotlib": {"report"},
    "jinja2": {"report"},
    "typer": {"cli"},
    "rich": {"cli", "study"},  # study shows the progress of its runs
}


def layer_of(module: str) -> str:
    """Name the layer of a module of ours, such as ``sim.engine.plan``."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "sim"


def imports_of(source: str, *, module: str, is_package: bool = False) -> list[tuple[int, str]]:
    """List (line, full name) of everything imported anywhere in the source, also inside functions."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = node.module or ""
            if node.level:
                parts = module.split(".")
                kept = parts[: len(parts) - node.level + is_package]
                package = ".".join([*kept, *filter(None, [node.module])])
            # `from sim import engine` imports the folder, `from sim.engine import run` the name of a module or in one.
            found += [(node.lineno, f"{package}.{alias.name}") for alias in node.names]
    return sorted(found)


def violations(source: str, *, module: str, is_package: bool = False) -> list[str]:
    """Return one sentence for each import that the layers forbid."""
    layer = layer_of(module)
    if layer not in LAYERS:
        return [f"{module}: sim/{layer} is no layer; the layers are {', '.join(LAYERS)}"]
    problems = []
    for line, name in imports_of(source, module=module, is_package=is_package):
        top, *rest = name.split(".")
        if top == "sim":
            if rest == ["__version__"]:  # stands before every import of sim/__init__.py, so anyone may ask for it
                continue
            # `from sim import load` asks the interface for something; `from sim import study` asks for the layer.
            target = rest[0] if rest and rest[0] in LAYERS else "sim"
            if rest and (ROOT / "sim" / rest[0]).is_dir() and rest[0] not in LAYERS:
                problems.append(f"{module}:{line}: imports {name}, but sim/{rest[0]} is no layer")
            elif LAYERS.index(target) > LAYERS.index(layer):
                problems.append(f"{module}:{line}: {layer} imports {name}, which lies above it")
        elif layer not in HOMES.get(top, {layer}):
            problems.append(f"{module}:{line}: {layer} imports {name}; only {', '.join(sorted(HOMES[top]))} may")
    return problems


def modules() -> list[tuple[str, Path]]:
    files = sorted((ROOT / "sim").rglob("*.py"))
    return [(".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), file) for file in files]


def test_every_module_imports_only_from_below():
    problems = []
    for module, file in modules():
        problems += violations(file.read_text(encoding="utf-8"), module=module, is_package=file.name == "__init__.py")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("sim.engine.plan", "from sim.study.estimates import paired"),
        ("sim.engine.plan", "import sim.measures.clocks as clocks"),
        ("sim.engine.plan", "from sim import measures"),
        ("sim.engine.plan", "from sim import load"),
        ("sim.engine.plan", "import sim"),
        ("sim.engine.plan", "def later():\n    from sim.report import page"),
        ("sim.engine.plan", "from ..study import estimates"),
        ("sim.engine.plan", "from .. import study"),
        ("sim.errors", "from sim.scenario.units import Duration"),
        ("sim.report.page", "from sim.cli import main"),
        ("sim", "import sim.cli"),
        ("sim.study.run", "import matplotlib.pyplot as plt"),
        ("sim.study.run", "from jinja2 import Environment"),
        ("sim.report.page", "import typer"),
        ("sim.report.page", "from rich.table import Table"),
        ("sim.measures.clocks", "import simpy"),
        ("sim.helpers.text", "import os"),
    ],
)
def test_a_violation_is_found(module: str, source: str):
    assert len(violations(source, module=module)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        (
            "sim.engine.plan",
            "import simpy\nimport numpy\nfrom sim.scenario.units import Duration\nfrom sim import errors",
        ),
        ("sim.engine.plan", "from sim.engine.timeline import Timeline\nfrom .timeline import Timeline"),
        ("sim.study.store", "from sim import __version__"),
        ("sim.report.page", "import jinja2\nfrom matplotlib import pyplot\nfrom sim.study.estimates import estimate"),
        ("sim.cli", "import sim\nfrom sim import load\nfrom sim.report import page\nimport typer, rich"),
        ("sim", "from sim.report import page\nfrom sim.study.study import Study"),
        ("sim.__main__", "from sim.cli import main"),
    ],
)
def test_what_is_allowed_passes(module: str, source: str):
    assert violations(source, module=module) == []


def test_a_package_resolves_its_relative_imports_from_itself():
    assert imports_of("from . import plan", module="sim.engine", is_package=True) == [(1, "sim.engine.plan")]
    assert imports_of("from . import plan", module="sim.engine.run") == [(1, "sim.engine.plan")]
