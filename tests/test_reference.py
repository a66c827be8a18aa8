"""The reference run: the committed tables of a small study of all ports, computed again and compared whole."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests import reference

CURE = (
    "If this change is meant: run `make reference`, read the difference of the files, and name the change with its "
    "size in CHANGELOG.md."
)

# Simulated times are whole milliseconds, but means of them are sums of floats, and how a processor adds vectors may
# show in the last of their 16 digits. Nothing that anybody could mean by a change hides below the ninth.
TOLERANCE = 1e-9
# A ratio of two small variances loses the digits that the variances share with their means.
RATIO_TOLERANCE = 1e-5

COORDINATE = re.compile(r"-?\d+\.\d+")


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir() if file.suffix in {".csv", ".svg"})


def differences(old: pd.DataFrame, new: pd.DataFrame) -> list[str]:
    """One sentence for each kind of difference of two tables."""
    if list(old.columns) != list(new.columns):
        return [f"columns were {list(old.columns)} and are {list(new.columns)}"]
    keys = [column for column in old.columns if old[column].dtype.kind != "f"]
    one, two = old.set_index(keys), new.set_index(keys)
    found = [
        f"{len(rows)} rows are {word}, the first {dict(zip(keys, rows[0], strict=True))}"
        for word, rows in (("gone", one.index.difference(two.index)), ("new", two.index.difference(one.index)))
        if len(rows)
    ]
    if found:
        return found
    if list(one.index) != list(two.index):
        return ["the order of the rows has changed"]
    for column in one.columns:
        before, after = one[column].to_numpy(), two[column].to_numpy()
        tolerance = RATIO_TOLERANCE if column == "variance_reduction" else TOLERANCE
        same = np.isclose(after, before, rtol=tolerance, atol=TOLERANCE, equal_nan=True)
        if not same.all():
            row = int(np.argmin(same))
            where = dict(zip(keys, one.index[row], strict=True))
            found.append(f"{(~same).sum()} of {len(same)} {column} differ: {before[row]} is {after[row]} at {where}")
    return found


def moved(old: str, new: str) -> bool:
    """Whether pictures differ by more than the hundredths of a point to which coordinates are rounded."""
    if COORDINATE.sub("#", new) != COORDINATE.sub("#", old):
        return True
    before, after = (np.array(COORDINATE.findall(text), dtype=float) for text in (old, new))
    return not np.allclose(after, before, rtol=0, atol=0.021)


def test_the_reference_run_gives_what_is_committed(tmp_path: Path):
    """One test, because the run takes half a minute and each worker of the suite would repeat it."""
    reference.write(reference.study(), tmp_path)
    found = [f"{name} is missing or no longer made" for name in set(names(tmp_path)) ^ set(names(reference.FOLDER))]
    for name in sorted(set(names(tmp_path)) & set(names(reference.FOLDER))):
        old, new = reference.FOLDER / name, tmp_path / name
        if name.endswith(".csv"):
            found += [f"{name}: {one}" for one in differences(pd.read_csv(old), pd.read_csv(new))]
        elif moved(old.read_text(encoding="utf-8"), new.read_text(encoding="utf-8")):
            found.append(f"{name} looks different")
    if found:
        pytest.fail(
            "results/reference is not what this program gives:\n" + "\n".join(found) + f"\n{CURE}", pytrace=False
        )


def test_a_moved_picture_is_seen():
    assert not moved('<path d="M 1.02 3"/>', '<path d="M 1.03 3"/>')
    assert moved('<path d="M 1.02 3"/>', '<path d="M 1.12 3"/>')
    assert moved("<text>12.5</text><text>a</text>", "<text>12.5</text><text>b</text>")


def test_differences_are_seen_and_named():
    old = pd.DataFrame({"mode": ["a", "a"], "subject": ["x", "y"], "mean": [1.0, np.nan]})
    assert differences(old, old.copy()) == []
    assert differences(old, old.assign(mean=[1 + 1e-11, np.nan])) == []
    (changed,) = differences(old, old.assign(mean=[1.001, np.nan]))
    assert "1 of 2 mean differ: 1.0 is 1.001" in changed
    (lost,) = differences(old, old.assign(mean=[np.nan, np.nan]))
    assert "1.0 is nan" in lost
    (gone,) = differences(old, old.iloc[:1])
    assert "1 rows are gone" in gone
    assert differences(old, old.iloc[::-1]) == ["the order of the rows has changed"]
    assert differences(old, old.rename(columns={"mean": "value"}))[0].startswith("columns were")


def test_the_reference_is_small():
    assert sum(file.stat().st_size for file in reference.FOLDER.iterdir()) < 1_000_000
