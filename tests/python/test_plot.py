"""Figures follow the theme, say what they show, and are the same bytes each time."""

import itertools
import re
import warnings
from xml.etree import ElementTree

from lmkit import plot


def drawing(alt="A line that rises."):
    fig, ax = plot.figure()
    ax.plot([0, 1, 2], [0, 1, 4], label="<b>&")
    ax.legend()
    return plot.draw(fig, alt)


def test_two_runs_give_the_same_bytes():
    assert drawing().svg == drawing().svg


def test_a_slow_machine_leaves_no_warning_in_an_output(monkeypatch):
    """Matplotlib warns when finding a legend's place takes more than a second."""
    monkeypatch.setattr("matplotlib.legend.time.perf_counter", itertools.count(0, 60).__next__)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "<svg" in drawing().svg


def test_no_colour_is_fixed_and_every_variable_is_a_token():
    svg = drawing().svg
    outside = re.sub(r"var\(--lm-[\w-]+, [^)]*\)", "", svg)
    assert not re.findall(r"#[0-9a-f]{6}", outside)
    used = set(re.findall(r"var\(--lm-([\w-]+)", svg))
    assert {"ink", "ink-2", "line", "cat-1"} <= used
    assert used - {"sans"} <= set(plot.colours())


def test_it_is_xml_and_refers_only_to_its_own_ids():
    svg = drawing().svg
    root = ElementTree.fromstring(svg)
    ids = {node.get("id") for node in root.iter() if node.get("id")}
    assert set(re.findall(r"url\(#([\w-]+)\)", svg)) <= ids
    assert not {"figure_1", "axes_1"} & ids


def test_alt_text_is_there_and_inert():
    data = drawing('A "line" <rises>.')._repr_mimebundle_()
    assert data["text/plain"] == 'A "line" <rises>.'
    assert 'aria-label="A &quot;line&quot; &lt;rises&gt;."' in data["text/html"]


def test_colours_of_the_book_are_legible_in_both_themes():
    css = plot.TOKENS.read_text("utf-8")
    light, dark = css.split("/* dark")
    for block in (light, dark):
        tone = dict(re.findall(r"--lm-([\w-]+):\s*(#[0-9a-fA-F]{6})\b", block))
        for text in ("ink", "ink-2", "accent", "error", "ok"):
            assert contrast(tone[text], tone["paper"]) >= 7, text
        assert contrast(tone["ink"], tone["wash"]) >= 7
        for mark in ("accent", "pos", "neg", *(f"cat-{k}" for k in range(1, 7))):
            assert contrast(tone[mark], tone["paper"]) >= 3, mark


def contrast(one, other):
    """Contrast of two colours as WCAG 2.2 defines it."""

    def luminance(colour):
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
