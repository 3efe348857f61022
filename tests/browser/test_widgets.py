"""Each widget on the built page, driven by mouse and by keyboard; over http and from the disk."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import fits, saved, says, visit, widget

CHAPTER = "notebooks/01-introduction.html"
ROOT = Path(__file__).parent.parent.parent


# --------------------------------------------------------------- NextToken


def test_next_token_goes_three_levels_deep_and_back(page, way):
    box = widget(visit(page, way + CHAPTER), "next-token")
    says(box, "“over” takes nearly all the probability")
    for depth in (1, 2, 3):
        box.locator("button.lmk-row").first.click()
        assert box.locator(".lmk-chosen").count() == depth
    says(box, "Here the chapter's stored results end")
    assert box.locator("button.lmk-row").first.is_disabled()
    box.get_by_role("button", name="Undo the last token").click()
    assert box.locator(".lmk-chosen").count() == 2
    assert box.locator("button.lmk-row").first.is_enabled()
    box.get_by_role("button", name="Start again").click()
    assert box.locator(".lmk-chosen").count() == 0


def test_next_token_knobs_act_at_once(page, way):
    box = widget(visit(page, way + CHAPTER), "next-token")
    shares = box.locator(".lmk-share")
    assert shares.first.inner_text() == "96.6 %"
    box.get_by_label("Temperature").fill("0")
    assert shares.first.inner_text() == "100 %"
    says(box, "Temperature 0 is greedy")
    box.get_by_label("Temperature").fill("7")
    assert float(shares.first.inner_text().rstrip(" %")) < 60
    box.get_by_label("Top-k").select_option("2")
    assert shares.all_inner_texts()[2:] == ["–"] * 7
    says(box, "2 tokens are left to draw from")
    box.get_by_label("Top-k").select_option("0")
    box.get_by_label("Top-p").select_option("0.95")
    says(box, re.compile(r"[\d\u2009]+ tokens are left to draw from"))


def test_next_token_by_keyboard_alone(page, way):
    box = widget(visit(page, way + CHAPTER), "next-token")
    box.get_by_label("Top-p").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    second = page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.keyboard.press("Enter")
    assert box.locator(".lmk-chosen").inner_text().replace("·", "") in second
    assert page.evaluate("document.activeElement.className") == "lmk-row", "focus stays"
    page.keyboard.press("Backspace")
    assert box.locator(".lmk-chosen").count() == 0
    more = box.get_by_label("More")
    more.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    box.get_by_role("table").wait_for()
    more.press("Enter")
    page.keyboard.press("Escape")
    assert not box.get_by_role("button", name="Keyboard help").is_visible()


def test_next_token_other_context_and_downloads(page, way, tmp_path):
    box = widget(visit(page, way + CHAPTER), "next-token")
    box.get_by_label("Context").select_option("To be, or not to be, that is the")
    says(box, "“question” leads with 50.9 %")
    assert "question" in saved(page, box, "data", tmp_path / "file.csv")
    assert "<rect" in saved(page, box, "picture", tmp_path / "file.svg")


# --------------------------------------------------------------- ChainRule


def test_chain_rule_by_pointer_and_keyboard(page, way):
    box = widget(visit(page, way + CHAPTER), "chain-rule")
    says(box, "10 tokens: P = 1.71 × 10⁻¹⁰, NLL = 22.5 nats")
    box.get_by_role("button", name="·quick").hover()
    says(box, "“quick” had 0.0227 %")
    assert box.locator(".lmk-expected .lmk-chip").count() == 5
    page.mouse.move(5, 5)
    says(box, "10 tokens")
    box.locator(".lmk-strip button").first.focus()
    page.keyboard.press("ArrowRight")
    says(box, "“quick” had")
    page.keyboard.press("Escape")
    says(box, "10 tokens")


def test_chain_rule_reversed_words_cost_more(page, way):
    box = widget(visit(page, way + CHAPTER), "chain-rule")
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
    assert cover.is_disabled()
    write(box, "Because <b>products</b> compare sequences. ünï 🦊")
    says(box, re.compile(r"^7 words"))
    cover.click()
    box.get_by_role("checkbox").first.check()
    says(box, "Saved.")
    page.reload()
    box = question(page)
    says(box, "Your answer, as you left it.")
    assert (
        box.locator("textarea").input_value() == "Because <b>products</b> compare sequences. ünï 🦊"
    )
    box.get_by_role("button", name="Show what a good answer covers").click()
    assert box.get_by_role("checkbox").first.is_checked()
    assert not re.search(r"\d\s*%|score|mark", box.inner_text().split("One good answer")[0])


def test_hints_come_one_at_a_time(page, way):
    box = question(visit(page, way + CHAPTER))
    for number in (1, 2, 3):
        box.get_by_role("button", name=f"Hint {number} of 3").click()
        assert box.locator(".lmk-hints li").count() == number
    assert not box.get_by_role("button", name=re.compile("Hint")).is_visible()


def test_two_tabs_lose_nothing(page, way):
    first = question(visit(page, way + CHAPTER))
    other_page = page.context.new_page()
    second = question(visit(other_page, way + CHAPTER))
    write(first, "written in the first tab")
    says(second, "Changed elsewhere")
    assert second.locator("textarea").input_value() == "written in the first tab"
    # both type before either hears of the other
    other_page.evaluate(
        "localStorage.setItem('lmkit:answer:intro-likelihood',"
        "JSON.stringify({text: 'unseen', ticks: [], kept: []}))"
    )
    write(second, "typed at the same time")
    says(second, "The earlier text is kept below.")
    second.get_by_text("One earlier text, kept").click()
    assert second.locator("blockquote").inner_text() == "unseen"
    second.get_by_role("button", name="Put this back into the box").click()
    says(second, "The earlier text is kept below.")
    assert second.locator("textarea").input_value() == "unseen"
    assert "typed at the same time" in second.locator("blockquote").all_inner_texts()


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
    assert question(fresh, 0).locator("textarea").input_value() == "my own"
    assert "first answer" in question(fresh, 0).locator("blockquote").all_text_contents()
    assert question(fresh, 1).locator("textarea").input_value() == "second answer"


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
    assert question(page).locator("textarea").input_value() == "stays"
    assert page.locator(".lmk-widget img, .lmk-widget script").count() == 0


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
def test_storage_that_is_forbidden_or_full(page, served, tmp_path, storage, sentence):
    page.add_init_script(f"Object.defineProperty(window, 'localStorage', {{{storage}}})")
    visit(page, served + CHAPTER)
    box = question(page)
    box.locator("textarea").fill("only here")
    says(box, sentence)
    assert box.locator("textarea").input_value() == "only here"
    save_answers(page, box, tmp_path / "answers.json")
    answers = json.loads((tmp_path / "answers.json").read_text("utf-8"))["answers"]
    assert answers.get("intro-likelihood", {}).get("text") == "only here"


# ------------------------------------------------------------ all of them


def test_state_is_kept_when_the_theme_changes(page, way):
    box = widget(visit(page, way + CHAPTER), "next-token")
    box.get_by_label("Top-k").select_option("2")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert box.get_by_label("Top-k").input_value() == "2"


def test_without_scripts_there_is_text(new_page, way):
    page = new_page(java_script_enabled=False)
    page.goto(way + CHAPTER)
    text = page.locator("main").inner_text()
    assert "over\t96.62%" in text
    assert "What a good answer covers" in text
    assert "1.71e-10" in text


def test_widgets_fit_a_phone(new_page, served):
    fits(visit(new_page(390, 844), served + CHAPTER))


def test_a_widget_that_cannot_be_shown_keeps_its_text(page, served):
    page.route("**/lmkit-next-token.js*", lambda route: route.fulfill(body=""))
    visit(page, served + CHAPTER)
    fallback = page.locator("[data-lmkit=next-token]")
    assert "cannot be shown" in fallback.inner_text()
    assert "96.62%" in fallback.inner_text()


def test_import_of_lmkit_is_instant_and_loads_no_torch():
    code = "import sys, lmkit; print('torch' in sys.modules, 'anywidget' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "False False"
