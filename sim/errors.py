"""What can go wrong, as values that the command line turns into messages and exit codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LONGEST = 1_000
"""Characters of a problem as text; the middle of what is longer is left out."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a text file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the input: where, at which key, and one sentence that ends with the cure.

    As text it is one line that a terminal can show, whatever the input holds.
    """

    place: Place | None
    path: str
    message: str

    def __str__(self) -> str:
        text = ": ".join(part for part in (str(self.place or ""), self.path, self.message) if part)
        text = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)
        return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}"


class SmartportError(Exception):
    """Root of everything that the program raises on purpose."""

    exit_code = 1


class InputError(SmartportError):
    """The input is wrong; carries every problem that was found, in the order of the files."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Hold the problems, each once."""
        self.problems = list(dict.fromkeys(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type, tuple[list[Problem]]]:
        """Survive the way back from a worker process."""
        return type(self), (self.problems,)


class RunError(SmartportError):
    """A run failed: its audit found a contradiction, or a worker died."""


def input_error(message: str, path: str = "", place: Place | None = None) -> InputError:
    """Make an `InputError` of one problem."""
    return InputError([Problem(place, path, message)])
