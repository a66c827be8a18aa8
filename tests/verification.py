"""Write what `smartport verify` finds into docs/verification.md: `make verification`.

The tests that run the same checks compare their findings with the page.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

from sim.verify.peers import Agreement, agreement, peers
from sim.verify.theory import Finding, cases, findings

PAGE = Path(__file__).parent.parent / "docs" / "verification.md"
FIGURES = re.compile(r"(?<=<!-- figures of smartport verify -->\n).*?(?=<!-- end of the figures -->)", re.DOTALL)
SERVERS = (1, 3)
"""Of the line that is given to the peers."""


def row(cells: Iterable[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |\n"


def figures(agreements: Iterable[Agreement], found: Iterable[Finding]) -> str:
    """The tables of the page."""
    return (
        "\n| peer | servers | customers | differing starts | largest, ms |\n| --- | --: | --: | --: | --: |\n"
        + "".join(row(one.cells) for one in agreements)
        + "\n| case | quantity | theory | simulated | ± | z |\n| --- | --- | --: | --: | --: | --: |\n"
        + "".join(row(finding.cells) for finding in found)
        + "\n"
    )


def main() -> None:
    """Write the page."""
    agreements = [agreement(peer, servers=servers) for peer in peers() for servers in SERVERS]
    found = [finding for case in cases() for finding in findings(case)]
    said = FIGURES.sub(lambda _: figures(agreements, found), PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(said, encoding="utf-8", newline="\n")
    sys.stdout.write("the figures in docs/verification.md are written\n")


if __name__ == "__main__":
    main()
