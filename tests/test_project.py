"""The project as a whole: its lock, licence, lint, types, the wheel that it builds and the targets of make."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import sim

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

# Put together so that this file does not name what it looks for.
PACKAGE_INDEX = re.compile(
    "|".join(
        [
            r"//[\w.:@-]*py" + r"pi",
            "python" + "hosted",
            r"//\S+/" + r"simple\b",
            r"index-url[ =]+\S*:/",
            r"find-links[ =]+\S*/",
        ]
    ),
    re.IGNORECASE,
)


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, check=False)


def tracked_files() -> Iterator[Path]:
    listing = run("git", "ls-files", "-z") if shutil.which("git") else None
    if listing is None or listing.returncode:
        pytest.skip("not a git checkout")
    files = (ROOT / name for name in listing.stdout.split("\0") if name)
    return (file for file in files if file.is_file())


def locked() -> dict[str, tuple[Requirement, str]]:
    """Map each name in the lock to its requirement and its lines."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    blocks = re.split(r"(?<!\\)\n(?=\S)", text.strip())
    requirements = [Requirement(block.split("\\\n")[0]) for block in blocks]
    return {canonicalize_name(one.name): (one, block) for one, block in zip(requirements, blocks, strict=True)}


def test_the_lock_pins_everything_by_version_and_hash():
    lock = locked()
    assert len(lock) > 30
    for name, (requirement, block) in lock.items():
        assert [one.operator for one in requirement.specifier] == ["=="], name
        assert "--hash=sha256:" in block, name
        # Nothing else stands there: no address, no option, no comment.
        assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in block.splitlines()[1:]), name


def test_the_lock_satisfies_pyproject():
    lock = locked()
    wanted = [
        *PROJECT["project"]["dependencies"],
        *PROJECT["dependency-groups"]["dev"],
        *PROJECT["build-system"]["requires"],
    ]
    for requirement in map(Requirement, wanted):
        name = canonicalize_name(requirement.name)
        assert name in lock, f"{name} is not in requirements.lock: make lock"
        (pin,) = lock[name][0].specifier
        assert requirement.specifier.contains(pin.version), (
            f"{name} {pin.version} is not {requirement.specifier}: make lock"
        )


def test_no_file_names_a_package_index_or_the_folder_it_was_made_in():
    made_in = [f"{folder}/".encode() for folder in (ROOT, Path.home()) if len(folder.parts) > 1]
    problems = []
    for file in tracked_files():
        content = file.read_bytes()
        for number, line in enumerate(content.splitlines(), start=1):
            if PACKAGE_INDEX.search(line.decode("utf-8", errors="replace")) or any(path in line for path in made_in):
                problems.append(f"{file.relative_to(ROOT)}:{number}: {line[:120]!r}")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(
    "line",
    [
        "https://py" + "pi.org/project/x",
        "--index" + "-url https://example.org/",
        "https://example.org/sim" + "ple/",
        "--find-" + "links=/wheels",
    ],
)
def test_a_package_index_is_recognised(line: str):
    assert PACKAGE_INDEX.search(line)


def test_licence_citation_and_changelog_agree_with_the_package():
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert licence.split()[:5] == ["Apache", "License", "Version", "2.0,", "January"]
    assert "END OF TERMS AND CONDITIONS" in licence
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["license"] == PROJECT["project"]["license"] == "Apache-2.0"
    assert citation["version"] == sim.__version__
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[(.+?)\]", changelog, re.MULTILINE)[0] == "Unreleased"


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "--output-format=concise", "."),
        ("ruff", "format", "--check", "--output-format=concise", "."),
        ("mypy", "--no-pretty"),
    ],
    ids=["style", "format", "types"],
)
def test_lint(command: tuple[str, ...]):
    result = run(sys.executable, "-m", *command)
    if result.returncode:
        pytest.fail(result.stdout + result.stderr, pytrace=False)


def test_the_wheel_holds_the_package_and_the_scenarios_and_nothing_else(tmp_path: Path):
    built = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path)
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entry_points = archive.read(f"smartport-{sim.__version__}.dist-info/entry_points.txt").decode()
    assert "smartport = sim.cli:main" in entry_points
    assert {name.split("/")[0] for name in names} == {"sim", f"smartport-{sim.__version__}.dist-info"}
    tracked = {file.relative_to(ROOT).as_posix() for file in tracked_files()}
    expected = {name for name in tracked if name.startswith("sim/")}
    expected |= {
        f"sim/scenarios_library/{name.removeprefix('scenarios/')}" for name in tracked if name.startswith("scenarios/")
    }
    assert expected <= names
    assert {"sim/__init__.py", "sim/py.typed"} <= names


@pytest.fixture
def make() -> str:
    return shutil.which("make") or pytest.skip("make is not installed")


def test_make_alone_lists_every_target(make: str):
    targets = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    listed = [line.split()[1] for line in run(make, "--no-print-directory").stdout.splitlines()]
    assert targets is not None
    assert sorted(listed) == sorted(targets[1].split())


def test_an_old_python_is_refused_in_a_sentence(make: str):
    result = run(make, "lock", "PYTHON=false")
    assert result.returncode == 2
    assert "needs Python 3.11 or newer" in result.stderr
