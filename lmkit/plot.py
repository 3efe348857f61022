"""Figures in the book's look: SVG that follows the page's theme and says what it shows.

A figure's colours are the page's own (`style/tokens.css`), so one drawing serves light and
dark. Nothing in its text depends on when or where it was drawn: two runs give the same bytes.
"""

import html
import io
import re
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lmkit import given

TOKENS = Path(__file__).parent / "style" / "tokens.css"


@cache
def colours() -> dict[str, str]:
    """Return the light theme's colours by name: `ink`, `line`, `accent`, `cat-1` …"""
    css = TOKENS.read_text("utf-8")
    found: dict[str, str] = {}
    for name, value in re.findall(r"--lm-([\w-]+):\s*(#[0-9a-fA-F]{6})\b", css):
        found.setdefault(name, value.lower())
    return found


def figure(width: float = 7.2, height: float = 3.2) -> tuple[Figure, Any]:
    """Return a figure and its axes, `width` × `height` in inches, in the book's style."""
    given.above(width, "width")
    given.above(height, "height")
    with mpl.rc_context(_style()):
        fig = Figure(figsize=(width, height), layout="constrained")
        return fig, fig.subplots()


def level(ax: Any, y: float, label: str) -> None:
    """Draw a level to compare a curve with: a dashed line at y, its name below its right end."""
    given.kind(ax, "ax", Axes, "a figure's axes")
    given.text(label, "label")
    y = round(given.number(y, "y"), 2)
    ax.axhline(y, color=colours()["ink-2"], linewidth=1, linestyle="--")
    place = {"xytext": (0, -4), "textcoords": "offset points", "ha": "right", "va": "top"}
    ax.annotate(label, (1, y), xycoords=("axes fraction", "data"), **place)


class Drawing:
    """A finished figure as a cell shows it; `alt` says in words what it shows."""

    def __init__(self, fig: Figure, alt: str) -> None:
        self.alt = given.text(alt, "alt")
        given.kind(fig, "fig", Figure, "a figure, as plot.figure() gives it")
        self.svg = _svg(fig, alt)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        alt = html.escape(self.alt)
        page = f'<figure class="lm-figure" role="img" aria-label="{alt}">{self.svg}</figure>'
        return {"text/html": page, "text/plain": self.alt}


def draw(fig: Figure, alt: str) -> Drawing:
    """Return the figure as SVG; `alt` is read to whoever cannot see it."""
    return Drawing(fig, alt)


def _style() -> Any:
    tone = colours()
    ink, soft, line = tone["ink"], tone["ink-2"], tone["line"]
    return {
        "axes.edgecolor": line,
        "axes.facecolor": "none",
        "axes.labelcolor": soft,
        "axes.prop_cycle": cycler(color=[tone[f"cat-{k}"] for k in range(1, 7)]),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "figure.facecolor": "none",
        "font.size": 11,
        "lines.linewidth": 2,
        "text.color": ink,
        "xtick.color": soft,
        "ytick.color": soft,
    }


def _svg(fig: Figure, alt: str) -> str:
    for legend in filter(None, (ax.get_legend() for ax in fig.axes)):
        legend.set_frame_on(False)
    file = io.StringIO()
    with (
        mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": alt}),
        warnings.catch_warnings(),
    ):
        # said when finding a legend's place takes a second: the clock has no place in an output
        warnings.filterwarnings("ignore", "Creating legend with loc=")
        fig.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(
        r"font: (?:[\w.]+ )?([\d.]+px)[^;\"]*", r"font: \1 var(--lm-sans, sans-serif)", svg
    )
    return _follow_theme(_own_ids(svg)).strip()


def _own_ids(svg: str) -> str:
    """Keep only the ids that the drawing refers to: the others repeat from figure to figure."""
    used = set(re.findall(r"#([\w-]+)", svg))
    return re.sub(r' id="([\w-]+)"', lambda m: m[0] if m[1] in used else "", svg)


def _follow_theme(svg: str) -> str:
    names = {value: name for name, value in reversed(colours().items())}
    ink = colours()["ink"]
    svg = re.sub(r'(<text style=")(?![^"]*fill:)', rf"\1fill: {ink}; ", svg)  # black has no fill

    def variable(match: re.Match[str]) -> str:
        colour = match[0].lower()
        if colour not in names:
            return match[0]
        return f"var(--lm-{names[colour]}, {'currentColor' if colour == ink else colour})"

    return re.sub(r"#[0-9a-fA-F]{6}\b", variable, svg)
