"""The live page: one text for all figures, stored at first, then answered by the page's model."""

import re
from urllib.parse import quote

import pytest
from conftest import LIVE, axe_violations, becomes, fits, focused, says, visit
from playwright.sync_api import expect
from test_widgets import CHAPTER

pytestmark = pytest.mark.xdist_group("model")

WIDGETS = ("live", "next-token", "generate", "chain-rule", "attention-map")


def part(page, name):
    return page.locator(f"[data-lmkit={name}] .lmk-widget")


def writing(page, text):
    """The figure that writes, about to go on with a text as it does at first."""
    type_text(page, text)
    writer = part(page, "generate")
    for label, value in {"The model": "", "Temperature": "0", "Tokens": "40"}.items():
        writer.get_by_label(label, exact=True).select_option(value)
    says(writer, "Nothing is written yet.")
    return writer


def is_written(writer):
    """Wait until a figure has written all that it was asked for."""
    says(writer, re.compile(r"^40 tokens|ended the text"))
    expect(writer.get_by_role("button", name="Write")).to_be_enabled()


def type_text(page, text):
    part(page, "live").locator("textarea").fill(text)
    part(page, "live").locator("textarea").press("Enter")


def test_stored_results_are_there_at_once_and_linked(page, way):
    visit(page, way + LIVE)
    part(page, "live").get_by_label("Examples").select_option(
        label="Hamlet, with his comma: To be, or not to be, that is the"
    )
    says(part(page, "next-token"), "“question” leads with 50.9 %")
    says(part(page, "chain-rule"), re.compile("12 tokens|1[0-9] tokens"))
    expect(part(page, "generate").locator(".lmk-written")).to_contain_text("To be, or not")
    expect(part(page, "attention-map").locator(".lmk-matrix > button").nth(1)).to_have_text("To")


def test_a_text_that_is_not_stored_says_what_to_do(page, served):
    visit(page, served + LIVE)
    type_text(page, "Something else entirely")
    says(part(page, "live"), "Load the model to see it, or choose an example.")
    says(part(page, "next-token"), "What follows this text is not stored here: load the model")
    says(part(page, "generate"), "is not stored here: load the model, or choose another text.")
    expect(part(page, "generate").get_by_role("button", name="Write")).to_be_disabled()
    expect(part(page, "generate").get_by_label("Prompt")).to_have_count(
        0
    )  # the box above is for all


def test_from_the_disk_it_says_how_to_get_the_live_model(page, site):
    visit(page, f"{site.as_uri()}/{LIVE}")
    expect(part(page, "live").locator(".lmk-source")).to_contain_text("make serve")


def test_a_reader_loads_the_model_for_all_figures(new_page, served):
    page = visit(new_page(), served + LIVE)
    part(page, "live").get_by_role("button", name=re.compile(r"Load the model, 98 MB")).click()
    page.wait_for_function("lmkit.model.state === 'ready'", timeout=120_000)
    type_text(page, "Two and two make")
    for name in WIDGETS[1:]:
        says(part(page, name), "computed now", "source")


def test_the_live_model_answers_every_figure(loaded):
    page, writer = loaded, writing(loaded, "The capital of France is")
    says(part(page, "next-token"), "“Paris” leads with 80.")
    says(part(page, "chain-rule"), re.compile(r"^5 tokens"))
    part(page, "attention-map").locator(".lmk-matrix > button").nth(5).wait_for()
    writer.get_by_role("button", name="Write").click()
    says(writer, "40 tokens")
    started = re.compile(r"^\s*The capital of France is Paris")
    expect(writer.locator(".lmk-written")).to_have_text(started)
    expect(writer.locator(".lmk-source")).to_contain_text("computed now")


def test_a_token_taken_by_hand_goes_on_from_there_and_stops(loaded):
    page, writer = loaded, writing(loaded, "A snorfle is")
    writer.get_by_role("button", name="One token").click()
    says(writer, re.compile("^1 token,"))
    writer.locator(".lmk-token").first.click()
    writer.locator("button.lmk-row").nth(1).click()
    says(writer, re.compile("^1 token,"))
    second = writer.locator(".lmk-token").first.inner_text()
    writer.get_by_role("button", name="One token").click()
    says(writer, re.compile("^2 tokens,"))
    expect(writer.locator(".lmk-token").first).to_have_text(second)
    writer.get_by_label("Tokens", exact=True).select_option("160")
    writer.get_by_role("button", name="Write").click()
    writer.get_by_role("button", name="Stop").click()
    expect(writer.get_by_role("button", name="Write")).to_be_enabled()
    written = writer.locator(".lmk-token").count()
    page.evaluate("lmkit.model.encode('what is asked last is answered last')")
    assert writer.locator(".lmk-token").count() == written < 160


def test_the_same_seed_writes_the_same_and_chat_answers(loaded):
    writer = writing(loaded, "The quick brown fox")
    writer.get_by_label("Temperature").select_option("1")
    texts = []
    for seed in ("7", "7", "8"):
        writer.get_by_label("Seed").fill(seed)
        writer.get_by_role("button", name="Write").click()
        is_written(writer)
        texts.append(writer.locator(".lmk-written").inner_text())
    assert texts[0] == texts[1] != texts[2]
    writer.get_by_label("The model").select_option("1")
    writer.get_by_label("Temperature").select_option("0")
    writer.get_by_role("button", name="Write").click()
    is_written(writer)
    expect(writer.locator(".lmk-prompt")).to_contain_text("assistant")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "<img src=x onerror=alert(1)><script>alert(2)</script>",
        "שלום עולם 👩‍👩‍👧‍👦",
        "\u0000\u0007\u202e",
        "<|im_end|>",
    ],
)
def test_unusual_texts_end_in_results(loaded, text):
    page = loaded
    type_text(page, text)
    expect(page.locator(".lmk-widget img, .lmk-widget script")).to_have_count(0)
    for name in WIDGETS:
        expect(part(page, name).locator(".lmk-reading")).not_to_be_empty()
    expect(part(page, "next-token").locator("button.lmk-row").first).to_be_enabled()


def test_a_text_too_long_is_a_sentence_and_nothing_is_lost(loaded):
    page = loaded
    type_text(page, "Nothing of this text is lost by the next one.")
    last = part(page, "chain-rule").get_by_role("button", name="·one").last
    expect(last).to_be_visible()
    type_text(page, "word " * 380)
    part(page, "attention-map").get_by_text("a map may have 64").wait_for()
    says(part(page, "chain-rule"), "here it may have 200")
    expect(last).to_be_visible()


def test_a_link_carries_text_and_settings_and_hostile_ones_are_inert(new_page, served):
    evil = quote("<img src=x onerror=alert(1)>")
    page = visit(
        new_page(), f"{served}{LIVE}#text={evil}&temperature=0.5&layer=3&head=-1&top_k=9999"
    )
    expect(part(page, "live").locator("textarea")).to_have_value("<img src=x onerror=alert(1)>")
    expect(part(page, "next-token").get_by_label("Temperature")).to_have_value("2")
    expect(part(page, "next-token").get_by_label("Top-k")).to_have_value("0")
    expect(part(page, "attention-map").get_by_label("Layer")).to_have_value("3")
    expect(part(page, "attention-map").get_by_label("Head", exact=True)).to_have_value("-1")
    expect(page.locator(".lmk-widget img")).to_have_count(0)
    part(page, "attention-map").get_by_label("Layer").select_option("4")
    again = visit(new_page(), page.url)
    expect(part(again, "attention-map").get_by_label("Layer")).to_have_value("4")


def test_attention_by_pointer_keyboard_lines_and_table(page, served):
    visit(page, served + LIVE)
    box = part(page, "attention-map")
    box.scroll_into_view_if_needed()
    box.locator(".lmk-matrix > button").nth(3).hover()
    says(box, "Layer 16, head 0: “sat” looks at")
    box.locator(".lmk-heads").click(position={"x": 4, "y": 4})
    says(box, "Layer 0, head 0")
    box.locator(".lmk-matrix > button").first.focus()
    page.keyboard.press("ArrowDown")
    says(box, "“The”")
    box.get_by_label("View").select_option("1")
    expect(box.locator(".lmk-lines line").nth(5)).to_be_attached()
    box.get_by_label("Head", exact=True).select_option("-1")
    says(box, "mean over heads")
    box.get_by_label("Hide the start").check()
    box.get_by_label("More").click()
    box.get_by_role("button", name="Show as table").click()
    expect(box.get_by_role("table").locator("tbody tr").nth(5)).to_be_visible()


def test_live_figures_are_accessible_and_fit_a_phone(loaded):
    page = loaded
    page.set_viewport_size({"width": 390, "height": 844})
    type_text(page, "A snorfle is a small animal that")
    says(part(page, "chain-rule"), "tokens")
    part(page, "generate").get_by_role("button", name="One token").click()
    says(part(page, "generate"), re.compile("^1 token,"))
    part(page, "generate").locator(".lmk-token").first.click()
    fits(page)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        becomes(page, "document.documentElement.dataset.theme", theme)
        assert axe_violations(page) == []


# ------------------------------------------------------------- QuickCheck


def test_quick_checks_explain_wrong_choices_and_remember(page, way):
    visit(page, way + CHAPTER)
    choice, number, order = (
        page.locator("[data-lmkit=quick-check] .lmk-widget").nth(k) for k in range(3)
    )
    choice.get_by_role("button", name="Check").click()
    says(choice, "Choose one first.")
    choice.get_by_role("radio", name="jumps").check()
    choice.get_by_role("button", name="Check").click()
    says(choice, "Not yet. It costs a factor of 0.0196")
    choice.get_by_role("radio", name="quick").check()
    expect(choice.locator(".lmk-reading")).to_have_text("")  # the verdict was on another answer
    choice.get_by_role("button", name="Check").click()
    says(choice, "Right.")
    number.get_by_role("textbox").fill("64")
    number.get_by_role("textbox").press("Enter")
    says(number, "Not yet. That is 1/P of the whole text")
    number.get_by_role("textbox").fill("4,0")
    number.get_by_role("textbox").press("Enter")
    says(number, "Right.")
    order.get_by_role("button", name="Check").click()
    says(order, re.compile("comes later than place .+ once there is one"))
    for place, text in enumerate(("The model predicts", "The loss compares", "The gradient says")):
        order.get_by_label(f"Place of: {text}").select_option(index=place)
    order.get_by_role("button", name="Check").click()
    says(order, "Right.")
    page.reload()
    page.wait_for_function("document.documentElement.dataset.lmkitReady")
    expect(choice.get_by_role("radio", name="quick")).to_be_checked()
    expect(number.get_by_role("textbox")).to_have_value("4,0")


def test_an_item_is_moved_on_by_one_key(page, served):
    visit(page, served + CHAPTER)
    order = page.locator("[data-lmkit=quick-check] .lmk-widget").nth(2)
    texts = order.locator("li > span")
    last = texts.last.inner_text()
    order.get_by_role("button", name=f"Earlier: {last}").focus()
    for k in (2, 1, 0):
        page.keyboard.press("Enter")
        expect(texts.nth(k)).to_have_text(last)
        says(order, f"“{last}” is now at place {k + 1}.")
    focused(page, f"e.tagName === {'SELECT'!r}")  # no place is earlier


def test_a_question_is_the_name_of_its_figure_and_of_its_field(page, served):
    visit(page, served + CHAPTER)
    expect(page.get_by_role("radiogroup", name="which word costs the model most")).to_have_count(1)
    expect(page.get_by_role("textbox", name="A model gives each of 3 tokens")).to_have_count(1)
    box = page.get_by_role("group", name="How does a model such as GPT come to handle language")
    expect(box.get_by_role("textbox", name="How does a model such as GPT")).to_have_count(1)
    says(box, "0 words. Write something to see what a good answer covers.")


def test_the_address_changes_only_when_a_reader_changes_something(page, served):
    visit(page, served + LIVE + "#what-to-try")
    becomes(page, "location.hash", "#what-to-try")
    part(page, "next-token").get_by_label("Temperature").fill("2")
    page.wait_for_function("location.hash.includes('temperature=0.5')")


def test_a_line_that_the_model_ends_is_shown_and_copied_as_it_is(new_page, served):
    page = visit(new_page(), served + "book/index.html")
    writer = part(page, "generate")
    expect(writer.locator(".lmk-written")).to_contain_text("↵")
    lines = writer.locator(".lmk-written").inner_text().splitlines()
    assert lines[:3] == ["The quick brown fox jumps over a lazy dog.↵", "↵", lines[2]]
    assert lines[2].startswith("The quick brown fox is")
    page.evaluate("navigator.clipboard.writeText = async (text) => void (window.copied = text)")
    writer.get_by_label("More").click()
    writer.get_by_role("button", name="Copy the text").click()
    page.wait_for_function("window.copied")
    assert page.evaluate("copied").startswith("The quick brown fox jumps over a lazy dog.\n\nThe")


TOP = "() => document.querySelector('[data-lmkit=next-token] .lmk-row').getBoundingClientRect().top"


def test_the_first_window_shows_the_answer(new_page, served):
    page = visit(new_page(1440, 900), served + "book/index.html")
    row = part(page, "next-token").locator(".lmk-row").first
    expect(row).to_contain_text("over")
    becomes(page, f"({TOP})() < 700", True)
