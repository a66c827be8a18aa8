"""How charts look: colours that survive colour blindness and a black-and-white printer, sheets laid out by hand, files.

Sheets are laid out in inches with estimated widths of texts, never with measured ones: a chart with Chinese labels is
then laid out alike whether or not the machine has a Chinese font, and an SVG keeps its text as text.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.text import Text

from sim.report import texts

INK = "#1f2933"
MUTED = "#5f6b7a"
RULE = "#aab2bd"
GRID = "#e3e7ec"
SHADE = "#f1f4f7"
WIDTH = 7.6
SIZE = 9.0
SMALL = 8.0
TINY = 7.2
MARGIN = 0.12

# Fonts with Simplified Chinese, the best first. Collections list their faces under several names.
_CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "SimHei",
    "Noto Sans CJK JP",
    "Heiti SC",
    "Arial Unicode MS",
    "Droid Sans Fallback",
    "Noto Serif CJK SC",
    "Noto Serif CJK JP",
    "SimSun",
)


@dataclass(frozen=True, slots=True)
class ModeStyle:
    """How a mode is drawn: colour, dashes and marker differ all three, so that any one of them is enough."""

    color: str
    dash: Any
    marker: str
    filled: bool
    zorder: float

    @property
    def face(self) -> str:
        """Fill of the marker."""
        return self.color if self.filled else "white"


_TRADITIONAL = ModeStyle("#c2741a", (0, (4.5, 1.6)), "s", False, 3.0)
_SMART = ModeStyle("#0b5a8a", "solid", "o", True, 3.2)
# The others are told apart by lightness too: dark, light, middle.
_OTHERS = (
    ModeStyle("#7b3b6b", (0, (1.2, 1.4)), "D", True, 3.1),
    ModeStyle("#3c9d87", (0, (6, 1.5, 1.2, 1.5)), "^", True, 3.1),
    ModeStyle("#5b6472", (0, (3, 1, 1, 1, 1, 1)), "v", False, 3.1),
    ModeStyle("#a8325b", (0, (8, 2)), "P", True, 3.1),
)


@dataclass(frozen=True, slots=True)
class KindStyle:
    """How a kind of time, or a part of a cost, is drawn in a stacked bar."""

    face: str
    edge: str
    hatch: str


KIND_STYLES = {
    "queueing": KindStyle("#c9566b", "#f3d3d9", "////"),
    "closed": KindStyle("#f0d3d9", "#c9566b", "...."),
    "service": KindStyle("#39414f", "#39414f", ""),
}

BEARER_STYLES = {
    "trader": KindStyle("#3d3a6b", "#3d3a6b", ""),
    "carrier": KindStyle("#8d86bd", "#dcd8ee", "////"),
    "state": KindStyle("#e2deef", "#8d86bd", "...."),
}
"""How the parts of a cost are drawn: one hue from dark to light, with hatches, so that they survive grey."""

_RC: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": RULE,
    "axes.facecolor": "white",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": SMALL,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlepad": 4.0,
    "axes.titlesize": SIZE,
    "axes.titleweight": "bold",
    "axes.titlecolor": INK,
    "axes.unicode_minus": True,
    "figure.facecolor": "white",
    "font.size": SIZE,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.7,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "butt",
    "path.simplify": True,
    "path.simplify_threshold": 0.4,
    "svg.fonttype": "none",
    "svg.hashsalt": "smartport",
    "text.color": INK,
    "xtick.color": RULE,
    "xtick.labelcolor": MUTED,
    "xtick.labelsize": SMALL,
    "xtick.major.size": 3.0,
    "xtick.minor.size": 0.0,
    "ytick.color": RULE,
    "ytick.labelcolor": MUTED,
    "ytick.labelsize": SMALL,
    "ytick.major.size": 0.0,
    "ytick.minor.size": 0.0,
}


def mode_styles(modes: Sequence[str]) -> dict[str, ModeStyle]:
    """Give each mode its style; the two standard modes look alike in every study."""
    fixed = {"traditional": _TRADITIONAL, "smart": _SMART}
    free = iter([style for mode, style in fixed.items() if mode not in modes] + list(_OTHERS) * 9)
    return {mode: fixed[mode] if mode in fixed else next(free) for mode in modes}


def chinese_font() -> str | None:
    """Name an installed font with Simplified Chinese, or None."""
    known = _known_chinese_font()
    if known is None:
        _learn_new_fonts()
        known = _known_chinese_font()
    return known


def _known_chinese_font() -> str | None:
    known = {entry.name for entry in font_manager.fontManager.ttflist}
    return next((name for name in _CHINESE_FONTS if name in known), None)


@cache  # every chart asks for the font, and to look through the system's takes long
def _learn_new_fonts() -> None:
    """Tell matplotlib of fonts that were installed after it wrote its list."""
    known = {entry.fname for entry in font_manager.fontManager.ttflist}
    new = [path for path in font_manager.findSystemFonts() if path not in known]
    for path in new:
        with suppress(RuntimeError, OSError, KeyError):  # a font that matplotlib cannot read is none for us
            font_manager.fontManager.addfont(path)


@contextmanager
def drawing(lang: str) -> Iterator[None]:
    """Set the look of what is drawn inside, and leave the caller's settings as they were."""
    families = ["DejaVu Sans"]
    if lang == "zh" and (font := chinese_font()):
        families.append(font)
    settings: Any = {**_RC, "font.family": families}
    with mpl.rc_context(settings):
        yield


def new_figure(figure: Figure | None) -> Figure:
    """Take the given blank figure, or have pyplot make one that notebooks show by themselves."""
    if figure is not None:
        return figure
    from matplotlib import pyplot as plt

    return plt.figure()


@dataclass
class Sheet:
    """A figure with a header; panels are placed in inches from its upper left corner."""

    figure: Figure
    height: float
    width: float = WIDTH

    def panel(self, left: float, top: float, width: float, height: float, **options: Any) -> Axes:
        """Add axes."""
        box = (left / self.width, 1 - (top + height) / self.height, width / self.width, height / self.height)
        return self.figure.add_axes(box, **options)

    def write(self, left: float, top: float, text: str, **options: Any) -> Text:
        """Write one line; its baseline is at `top`."""
        return self.figure.text(left / self.width, 1 - top / self.height, text, va="baseline", **options)

    def legend(
        self, left: float, top: float, items: Sequence[tuple[Line2D | Patch | Sequence[Line2D | Patch], str]]
    ) -> None:
        """Draw keys with their names in a row, or in several if they do not fit; `top` is the first row's middle."""
        x = left
        for key, text in items:
            room = 0.42 + texts.width(text, SMALL)
            if x > left and x + room > self.width - MARGIN:
                x, top = left, top + 0.19
            y = 1 - top / self.height
            for artist in key if isinstance(key, Sequence) else (key,):
                if isinstance(artist, Line2D):
                    middle = artist.get_linestyle() in ("None", "none", " ", "")
                    ends = [(x + 0.14) / self.width] if middle else [x / self.width, (x + 0.28) / self.width]
                    artist.set_data(ends, [y] * len(ends))
                elif isinstance(artist, Rectangle):
                    artist.set_bounds(x / self.width, y - 0.055 / self.height, 0.28 / self.width, 0.11 / self.height)
                artist.set_transform(self.figure.transFigure)
                self.figure.add_artist(artist)
            self.write(x + 0.34, top + 0.04, text, size=SMALL, color=INK)
            x += room + 0.16


def sheet(figure: Figure | None, height: float, title: str, subtitle: str) -> Sheet:
    """Begin a figure of some height with a title and a line that says what is shown."""
    figure = new_figure(figure)
    figure.set_size_inches(WIDTH, height)
    page = Sheet(figure, height)
    page.write(MARGIN, 0.24, texts.shorten(title, 11, WIDTH - 2 * MARGIN), size=11, weight="bold", color=INK)
    page.write(MARGIN, 0.43, texts.shorten(subtitle, SMALL, WIDTH - 2 * MARGIN), size=SMALL, color=MUTED)
    return page


HEADER = 0.52
"""Inches that title and subtitle take."""


def line_key(style: ModeStyle, marker: bool = False) -> Line2D:
    """Key of a mode that is drawn as a line, with or without its marker."""
    return Line2D(
        [],
        [],
        color=style.color,
        linestyle=style.dash,
        marker=style.marker if marker else "",
        markerfacecolor=style.face,
    )


def marker_key(style: ModeStyle) -> Line2D:
    """Key of a mode that is drawn as markers."""
    return Line2D(
        [], [], color=style.color, linestyle="None", marker=style.marker, markerfacecolor=style.face, markersize=6
    )


def part_key(look: KindStyle) -> Rectangle:
    """Key of a part of a stacked bar."""
    return Rectangle((0, 0), 1, 1, facecolor=look.face, edgecolor=look.edge, hatch=look.hatch, linewidth=0)


def clear_y_label(ax: Axes, text: str) -> None:
    """Name the y axis so that the text stays centred whatever font the reader's machine has."""
    ax.set_ylabel(text, rotation_mode="anchor", ha="center", va="bottom", labelpad=4)


def say_nothing(ax: Axes, text: str) -> None:
    """Leave the axes empty but for a sentence."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(False)
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=MUTED, size=SIZE)


# --- files -----------------------------------------------------------------------------------------------------------

_TAG = re.compile(r"<[^>]*>")
_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_FONT = re.compile(r" ?font-family: [^;\"]*;?")
_ID = re.compile(r' id="([^"]+)"')
_USED = re.compile(r'url\(#([^)"]+)\)|href="#([^"]+)"')
_PATTERN = re.compile(r'<pattern id="([^"]+)".*?</pattern>', re.DOTALL)
_SERIFLESS = (
    "text{font-family:'DejaVu Sans','Noto Sans CJK SC','Noto Sans SC','Source Han Sans SC','PingFang SC',"
    "'Microsoft YaHei','WenQuanYi Micro Hei',sans-serif}"
)


def source(figure: Figure) -> str:
    """Draw a figure as the text that `svg` makes files and parts of pages of, the same for the same figure.

    Text is text, and numbers have two decimals.
    """
    stream = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "smartport"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        for written in figure.findobj(Text):
            written.set_fontfamily("DejaVu Sans")
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = stream.getvalue()
    text = _TAG.sub(lambda tag: _NUMBER.sub(lambda match: f"{round(float(match[0]), 2):g}", tag[0]), text)
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = _FONT.sub("", text)
    text = re.sub(r'style="\s+', 'style="', text)
    text = re.sub(r' transform="rotate\(-?0 [^)]*\)"', "", text)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"\s*\n\s*(?=[^<])", " ", text)
    text = re.sub(r">\s+<", "><", text)
    return _PATTERN.sub(_own_pattern, text)


def svg(source: str, prefix: str = "", label: str = "", inline: bool = False) -> str:
    """Write the source of a figure as SVG.

    `prefix` goes before every id that is referred to (the others are dropped), so that many figures can share a page;
    `inline` leaves out what a page brings itself: prolog, fonts and the fixed size.
    """
    used = {one or other for one, other in _USED.findall(source)}
    source = _ID.sub(lambda match: f' id="{prefix}{match[1]}"' if match[1] in used else "", source)
    source = _USED.sub(lambda match: f"url(#{prefix}{match[1]})" if match[1] else f'href="#{prefix}{match[2]}"', source)
    begin = source.index("<svg")
    head, body = source[begin:].split(">", 1)
    box = re.search(r'viewBox="[^"]*"', head)
    assert box is not None
    size = "" if inline else "".join(f" {match}" for match in re.findall(r'(?:width|height)="[^"]*"', head))
    name = label.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"{size} {box[0]} role="img"'
        + (f' aria-label="{name}"' if name else "")
        + ">"
    )
    if inline:
        return opening + re.sub(r"<defs><style.*?</style></defs>", "", body, count=1, flags=re.DOTALL).strip()
    body = re.sub(r"(<style[^>]*>)", lambda match: match[1] + _SERIFLESS, body, count=1)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + opening + body.strip() + "\n"


def _own_pattern(match: re.Match[str]) -> str:
    """Replace matplotlib's hatch, a square inch full of curves (90 kB), by a small tile."""
    for look in (*KIND_STYLES.values(), *BEARER_STYLES.values()):
        if look.hatch and look.face in match[0] and look.edge in match[0]:
            if "." in look.hatch:
                dots = (f'<circle cx="{at}" cy="{at}" r="0.7" fill="{look.edge}"/>' for at in (1.6, 4.6))
                tile = "".join(dots)
            else:
                tile = f'<path d="M-1 1L1 -1M0 6L6 0M5 7L7 5" stroke="{look.edge}" stroke-width="0.8"/>'
            return (
                f'<pattern id="{match[1]}" patternUnits="userSpaceOnUse" width="6" height="6">'
                f'<rect width="6" height="6" fill="{look.face}"/>{tile}</pattern>'
            )
    return match[0]


def png(figure: Figure) -> bytes:
    """Write a figure as PNG."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=160, metadata={"Software": None})
    return stream.getvalue()
