"""Each widget on the built page, driven by mouse and by keyboard; over http and from the disk."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import focused, saved, says, visit, widget
from playwright.sync_api import expect

CHAPTER = "notebooks/01-introduction.html"
ROOT = Path(__file__).parent.parent.parent


# --------------------------------------------------------------- NextToken


def test_next_token_goes_three_levels_deep_and_back(page, way):
    box = widget(visit(page, way + CHAPTER), "next-token")
    says(box, "“over” takes nearly all the probability")
    for depth in (1, 2, 3):
        box.locator("button.lmk-row").first.click()
        expect(box.locator(".lmk-chosen")).to_have_count(depth)
    says(box, "Here the chapter's stored results end")
    expect(box.locator("button.lmk-row").first).to_be_disabled()
    box.get_by_role("button", name="Undo the last token").click()
    expect(box.locator(".lmk-chosen")).to_have_count(2)
    expect(box.locator("button.lmk-row").first).to_be_enabled()
    box.get_by_role("button", name="Start again").click()
    expect(box.locator(".lmk-chosen")).to_have_count(0)


def test_next_token_knobs_act_at_once(page, served):
    box = widget(visit(page, served + CHAPTER), "next-token")
    shares = box.locator(".lmk-share")
    expect(shares.first).to_have_text("96.6 %")
    box.get_by_label("Temperature").fill("0")
    expect(shares.first).to_have_text("100 %")
    says(box, "Temperature 0 is greedy")
    box.get_by_label("Temperature").fill("7")
    expect(shares.first).to_have_text(re.compile(r"^[1-5]?\d(\.\d+)? %$"))  # under 60
    box.get_by_label("Top-k").select_option("2")
    says(box, "2 tokens are left to draw from")
    expect(shares).to_have_text([re.compile("%")] * 2 + ["–"] * 7)
    box.get_by_label("Top-k").select_option("0")
    box.get_by_label("Top-p").select_option("0.95")
    says(box, re.compile(r"[\d\u2009]+ tokens are left to draw from"))


def test_next_token_by_keyboard_alone(page, served):
    box = widget(visit(page, served + CHAPTER), "next-token")
    box.get_by_label("Top-p").focus()
    page.keyboard.press("Tab")
    expect(box.locator("button.lmk-row").first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(box.locator("button.lmk-row").nth(1)).to_be_focused()
    second = page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.keyboard.press("Enter")
    expect(box.locator(".lmk-chosen")).to_have_count(1)
    assert box.locator(".lmk-chosen").inner_text().replace("·", "") in second
    focused(page, "e.className === 'lmk-row'")  # focus stays
    page.keyboard.press("Backspace")
    expect(box.locator(".lmk-chosen")).to_have_count(0)
    more = box.get_by_label("More")
    more.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    box.get_by_role("table").wait_for()
    more.press("Enter")
    expect(box.get_by_role("button", name="Keyboard help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(box.get_by_role("button", name="Keyboard help")).to_be_hidden()


def test_next_token_other_context_and_downloads(page, way, tmp_path):
    box = widget(visit(page, way + CHAPTER), "next-token")
    box.get_by_label("Context").select_option("To be, or not to be, that is the")
    says(box, "“question” leads with 50.9 %")
    assert "question" in saved(page, box, "data", tmp_path / "file.csv")
    assert "<rect" in saved(page, box, "picture", tmp_path / "file.svg")


# --------------------------------------------------------------- ChainRule


def test_chain_rule_by_pointer_and_keyboard(page, served):
    box = widget(visit(page, served + CHAPTER), "chain-rule")
    says(box, "10 tokens: P = 1.71 × 10⁻¹⁰, NLL = 22.5 nats")
    box.get_by_role("button", name="·quick").hover()
    says(box, "“quick” had 0.0227 %")
    expect(box.locator(".lmk-expected .lmk-chip")).to_have_count(5)
    page.mouse.move(5, 5)
    says(box, "10 tokens")
    box.locator(".lmk-strip button").first.focus()
    page.keyboard.press("ArrowRight")
    says(box, "“quick” had")
    page.keyboard.press("Escape")
    says(box, "10 tokens")


def test_chain_rule_reversed_words_cost_more(page, served):
    box = widget(visit(page, served + CHAPTER), "chain-rule")
    box.get_by_label("Sentence", exact=True).select_option(index=2)
    says(box, re.compile(r"perplexity \d[\d\u2009]{3,}:"))


# ------------------------------------------------------- SynthesisQuestion


def question(page, nth=0):
    return widget(page, "synthesis-question", nth)


def write(box, text):
    box.locator("textarea").fill(text)
    says(box, "Saved.")


def test_an_answer_survives_a_reload(page, way):
    box = question(visit(page, way + CHAPTER))
    cover = box.get_by_role("button", name="Show what a good answer covers")
    expect(cover).to_be_disabled()
    write(box, "Because <b>products</b> compare sequences. ünï 🦊")
    says(box, re.compile(r"^7 words"))
    cover.click()
    box.get_by_role("checkbox").first.check()
    says(box, "Saved.")
    page.reload()
    box = question(page)
    says(box, "Your answer, as you left it.")
    written = "Because <b>products</b> compare sequences. ünï 🦊"
    expect(box.locator("textarea")).to_have_value(written)
    box.get_by_role("button", name="Show what a good answer covers").click()
    expect(box.get_by_role("checkbox").first).to_be_checked()
    assert not re.search(r"\d\s*%|score|mark", box.inner_text().split("One good answer")[0])


def test_hints_come_one_at_a_time(page, served):
    box = question(visit(page, served + CHAPTER))
    for number in (1, 2, 3):
        box.get_by_role("button", name=f"Hint {number} of 3").click()
        expect(box.locator(".lmk-hints li")).to_have_count(number)
    expect(box.get_by_role("button", name=re.compile("Hint"))).to_be_hidden()


def test_two_tabs_lose_nothing(page, way):
    first = question(visit(page, way + CHAPTER))
    other_page = page.context.new_page()
    second = question(visit(other_page, way + CHAPTER))
    write(first, "written in the first tab")
    says(second, "Changed elsewhere")
    expect(second.locator("textarea")).to_have_value("written in the first tab")
    # both type before either hears of the other
    other_page.evaluate(
        "localStorage.setItem('lmkit:answer:intro-likelihood',"
        "JSON.stringify({text: 'unseen', ticks: [], kept: []}))"
    )
    write(second, "typed at the same time")
    says(second, "The earlier text is kept below.")
    second.get_by_text("One earlier text, kept").click()
    expect(second.locator("blockquote")).to_have_text("unseen")
    second.get_by_role("button", name="Put this back into the box").click()
    says(second, "The earlier text is kept below.")
    expect(second.locator("textarea")).to_have_value("unseen")
    expect(second.locator("blockquote").filter(has_text="typed at the same time")).to_be_visible()


def test_export_and_import_of_the_whole_book(page, new_page, way, tmp_path):
    visit(page, way + CHAPTER)
    write(question(page, 0), "first answer")
    write(question(page, 1), "second answer")
    file = tmp_path / "answers.json"
    save_answers(page, question(page, 0), file)
    assert set(json.loads(file.read_text("utf-8"))["answers"]) == {
        "intro-likelihood",
        "intro-rules",
    }

    fresh = visit(new_page(), way + CHAPTER)
    write(question(fresh, 0), "my own")
    question(fresh, 0).locator("input[type=file]").set_input_files(file)
    says(question(fresh, 0), "Loaded 2 answers; nothing was replaced.")
    expect(question(fresh, 0).locator("textarea")).to_have_value("my own")
    expect(question(fresh, 0).locator("blockquote").filter(has_text="first answer")).to_have_count(
        1
    )
    expect(question(fresh, 1).locator("textarea")).to_have_value("second answer")


def save_answers(page, box, file):
    box.get_by_label("More").click()
    with page.expect_download() as download:
        box.get_by_role("button", name="Download all my answers").click()
    download.value.save_as(file)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "This file is not JSON"),
        ('{"schema": "other"}', "This file is not one of answers"),
        (
            '{"schema":"lmkit-answers/1","answers":{"intro-rules":{"text":'
            '"<img src=x onerror=alert(1)>","kept":["<script>alert(2)</script>"]},"__proto__":{}}}',
            "1 entries were no answers and were left out",
        ),
    ],
)
def test_wrong_and_hostile_files(page, served, tmp_path, text, sentence):
    visit(page, served + CHAPTER)
    write(question(page), "stays")
    file = tmp_path / "answers.json"
    file.write_text(text)
    question(page).locator("input[type=file]").set_input_files(file)
    says(question(page), sentence)
    expect(question(page).locator("textarea")).to_have_value("stays")
    expect(page.locator(".lmk-widget img, .lmk-widget script")).to_have_count(0)


@pytest.mark.parametrize(
    ("storage", "sentence"),
    [
        ("get() { throw new DOMException('denied') }", "keeps nothing for this page"),
        (
            "value: {length: 0, key() {}, getItem: () => null, setItem() { throw new Error() }}",
            "storage is full",
        ),
    ],
    ids=["forbidden", "full"],
)
def test_storage_that_is_forbidden_or_full(new_page, served, tmp_path, storage, sentence):
    page = new_page()
    page.add_init_script(f"Object.defineProperty(window, 'localStorage', {{{storage}}})")
    visit(page, served + CHAPTER)
    box = question(page)
    box.locator("textarea").fill("only here")
    says(box, sentence)
    expect(box.locator("textarea")).to_have_value("only here")
    save_answers(page, box, tmp_path / "answers.json")
    answers = json.loads((tmp_path / "answers.json").read_text("utf-8"))["answers"]
    assert answers.get("intro-likelihood", {}).get("text") == "only here"


# ------------------------------------------------------------ all of them


def test_state_is_kept_when_the_theme_changes(page, served):
    box = widget(visit(page, served + CHAPTER), "next-token")
    box.get_by_label("Top-k").select_option("2")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    expect(box.get_by_label("Top-k")).to_have_value("2")


def test_without_scripts_there_is_text(new_page, served):
    page = new_page(java_script_enabled=False)
    page.goto(served + CHAPTER)
    for text in ("over\t96.62%", "What a good answer covers", "1.71e-10"):
        expect(page.locator("main")).to_contain_text(text, use_inner_text=True)


def test_import_of_lmkit_is_instant_and_loads_no_torch():
    code = "import sys, lmkit; print('torch' in sys.modules, 'anywidget' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "False False"
