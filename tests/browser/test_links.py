"""A link to a figure's state: copied from its menu, followed, and refused when it misfits."""

import json
import re
from urllib.parse import urlencode

import pytest
from conftest import says, visit
from playwright.sync_api import expect

EMBEDDINGS = "notebooks/03-embeddings.html"
SEQUENCES = "notebooks/04-sequence-modeling.html"
TRANSFORMERS = "notebooks/06-transformers.html"
MISFIT = "The link asks this figure for something that it does not have here"


def figure(page, name):
    box = page.locator(f"[data-lmkit={name}] .lmk-widget").first
    box.wait_for()
    return box


def address(chapter, name, state):
    text = state if isinstance(state, str) else json.dumps(state)
    return f"{chapter}#{urlencode({'figure': name, 'state': text})}"


def copied(page, box, way):
    origin = {} if way.startswith("file") else {"origin": way}
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], **origin)
    box.get_by_label("More").click()
    box.get_by_role("button", name="Copy link to this state").click()
    box.locator(".lmk-reading").filter(has_text="The link is copied").wait_for()
    return page.evaluate("navigator.clipboard.readText()")


def test_a_copied_link_shows_what_its_sender_saw(new_page, way):
    page = visit(new_page(), way + SEQUENCES)
    box = figure(page, "softmax-explorer")
    box.get_by_label("Temperature").press("Home")
    says(box, "everything")
    link = copied(page, box, way)
    assert link == page.url and "temperature" in link and "logits" not in link
    other = visit(new_page(390, theme="dark"), link)
    box = figure(other, "softmax-explorer")
    says(box, "everything")
    expect(box).to_be_in_viewport()
    expect(other.get_by_role("status").filter(has_text="link")).to_have_count(0)


@pytest.mark.parametrize(
    ("name", "state", "shown"),
    [
        ("embedding-map-1", {"shown": ["verbs"], "word": "goes"}, "“goes”: nearest on the map"),
        ("embedding-arithmetic-1", {"exclude": False}, "an input comes back"),
        (
            "contextual-bank-1",
            {"which": 2, "layer": 0, "centred": False},
            "All 8 vectors are equal",
        ),
    ],
)
def test_a_link_gives_a_figure_its_state(page, served, name, state, shown):
    box = figure(visit(page, served + address(EMBEDDINGS, name, state)), name[:-2])
    box.locator(".lmk-reading").filter(has_text=shown).wait_for()


@pytest.mark.parametrize(
    ("name", "state", "shown"),
    [
        ("multi-head-1", {"layer": 24, "head": 6, "token": 2}, "Head 6 takes for “cat”"),
        ("attention-map-1", {"off": False}, "Layer 23, head 4: On average"),
        ("positional-encoding-2", {"view": "waves"}, "Pair 4"),
    ],
)
def test_a_link_to_a_transformers_figure(page, served, name, state, shown):
    kind, number = name.rsplit("-", 1)
    visit(page, served + address(TRANSFORMERS, name, state))
    box = page.locator(f"[data-lmkit={kind}] .lmk-widget").nth(int(number) - 1)
    box.locator(".lmk-reading").filter(has_text=shown).wait_for()


@pytest.mark.parametrize("state", [{"head": 9}, {"layer": 30}, {"token": 24}, {"head": "<b>"}])
def test_a_head_that_is_not_there_is_refused(page, served, state):
    visit(page, served + address(TRANSFORMERS, "multi-head-1", state))
    page.get_by_role("status").filter(has_text=MISFIT).wait_for()
    figure(page, "multi-head").locator(".lmk-reading").filter(has_text="For “mat”").wait_for()


@pytest.mark.parametrize(
    "state",
    [
        {"temperature": 99},
        {"logits": [1, 2]},
        {"logits": [1, 2, "<img src=x onerror=alert(1)>"]},
        {"start": [0, 0, 0]},
        {"__proto__": {"temperature": 0}},
        "no json <b>at</b> all",
        '{"__proto__": {"temperature": 0}}',
        "null",
        "[1]",
        "x" * 9000,
    ],
    ids=lambda state: str(state)[:30],
)
def test_a_broken_link_shows_the_default_and_says_so(page, served, state):
    visit(page, served + address(SEQUENCES, "softmax-explorer-1", state))
    page.get_by_role("status").filter(has_text=MISFIT).wait_for()
    box = figure(page, "softmax-explorer")
    says(box, re.compile("^“cat” has"))
    expect(page.locator("article b, article img[src=x]")).to_have_count(0)


def test_a_link_to_no_figure_says_so(page, served):
    visit(page, served + address(SEQUENCES, "softmax-explorer-9", {"shift": 1}))
    page.get_by_role("status").filter(has_text="does not have").wait_for()
    box = figure(page, "softmax-explorer")
    expect(box.get_by_label("Add to all logits")).to_have_value("0")


def test_a_second_link_is_followed_on_the_same_page(page, served):
    visit(page, served + address(EMBEDDINGS, "embedding-map-1", {"word": "fox"}))
    box = figure(page, "embedding-map")
    box.locator(".lmk-reading").filter(has_text="“fox”").wait_for()
    page.goto(served + address(EMBEDDINGS, "embedding-map-1", {"shown": ["verbs"]}))
    box.locator(".lmk-reading").filter(has_text="words (verbs)").wait_for()
    page.goto(served + address(EMBEDDINGS, "embedding-map-1", {"shown": []}))
    page.get_by_role("status").filter(has_text=MISFIT).wait_for()


def test_text_from_a_link_is_only_text(page, served):
    hostile = "<img src=x onerror=document.title='owned'> \u202e &lt;b&gt;"
    visit(
        page,
        served
        + address("notebooks/02-tokenization.html", "tokenizer-playground-1", {"text": hostile}),
    )
    box = figure(page, "tokenizer-playground")
    expect(box.get_by_label("Text", exact=True)).to_have_value(hostile)
    expect(box.locator("img")).to_have_count(0)
    assert page.title() != "owned"


def test_a_text_that_nobody_stored_is_refused_without_a_model(page, served):
    visit(page, served + address(SEQUENCES, "chain-rule-1", {"text": "Never stored."}))
    page.get_by_role("status").filter(has_text=MISFIT).wait_for()
    expect(figure(page, "chain-rule").locator(".lmk-strip button").nth(5)).to_be_visible()
