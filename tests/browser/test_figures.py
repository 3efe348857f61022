"""What figures offer besides the contract: a way back, the whole screen, pictures, by example."""

import re

import pytest
from conftest import AXE, becomes, focused, saved, says, visit, widget
from playwright.sync_api import expect
from test_contract import IS_FULL, enter, left, picture

NO_FULL_SCREEN = "delete Element.prototype.requestFullscreen"


def figure(page, address, chapter, name):
    return widget(visit(page, f"{address}notebooks/{chapter}.html"), name)


# ------------------------------------------------------------- head and menu


def test_a_figure_is_set_back_to_what_it_was(page, served):
    box = figure(page, served, "06-transformers", "attention-map")
    reading = box.locator(".lmk-reading")
    before = reading.inner_text()
    box.get_by_label("Layer", exact=True).select_option("0")
    box.get_by_label("Text", exact=True).select_option(index=1)
    expect(reading).not_to_have_text(before)
    box.get_by_role("button", name="Start again").click()
    says(box, before)


def test_the_menu_says_whether_the_table_is_shown(page, served):
    box = figure(page, served, "04-sequence-modeling", "generate")
    item = box.locator(".lmk-menu-list button").filter(has_text="Show as table")
    region = box.get_by_role("region", name="The figure as a table")
    for pressed in ("true", "false", "true"):
        box.get_by_label("More").click()
        item.click()
        expect(item).to_have_attribute("aria-pressed", pressed)
        expect(region).to_be_visible(visible=pressed == "true")
    written = box.locator(".lmk-token").count()
    assert written > 5
    expect(region.locator("tbody tr")).to_have_count(written)
    before = region.inner_text()
    box.get_by_label("Prompt").select_option(index=1)
    expect(region).not_to_have_text(before)
    texts = box.locator(".lmk-token").all_text_contents()
    cells = region.locator("tbody th").all_text_contents()
    assert [cell.replace("·", " ") for cell in cells] == [t.replace("\n", "↵") for t in texts]


# --------------------------------------------------------------- full screen


@pytest.mark.parametrize(
    ("way", "script", "theme"),
    [("http", "", "light"), ("http", NO_FULL_SCREEN, "dark"), ("file", "", "dark")],
    ids=["full screen", "over the page", "from the disk"],
    indirect=["way"],
)
def test_full_screen_by_keyboard(new_page, way, script, theme):
    page = new_page(1600, theme=theme)
    page.add_init_script(script)
    box = figure(page, way, "04-sequence-modeling", "softmax-explorer")
    enter(box)
    assert page.evaluate("document.fullscreenElement !== null") == (not script)
    stage = "document.querySelector('.lmk-stage:is(:fullscreen, :popover-open)')"
    becomes(page, f"{stage}.clientWidth - innerWidth + {stage}.clientHeight - innerHeight", 0)
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    becomes(page, f"getComputedStyle({stage}).backgroundColor", paper)
    for _ in range(12):  # more than its controls: Tab goes round in the figure, or to the browser
        page.keyboard.press("Tab")
        focused(page, f"e === document.body || ({IS_FULL})(e)")
    page.evaluate(AXE)
    found = page.evaluate("axe.run('.lmk-stage:is(:fullscreen, :popover-open)', {preload: false})")
    assert found["violations"] == [] and len(found["passes"]) > 10
    box.get_by_label("Temperature").press("Home")
    says(box, "everything")
    said = box.locator(".lmk-reading").inner_text()
    box.get_by_label("More").press("Enter")
    page.keyboard.press("Escape")  # closes the menu alone
    expect(box.get_by_role("button", name="Keyboard help")).to_be_hidden()
    assert box.evaluate(IS_FULL)
    page.keyboard.press("Escape")
    left(page, box)
    expect(box.locator(".lmk-reading")).to_have_text(said)
    button = enter(box)
    button.press("Enter")
    left(page, box)


def test_a_model_that_comes_to_hand_leaves_the_figure_in_full_screen(page, served):
    box = figure(page, served, "01-introduction", "next-token")
    expect(box.locator("select")).to_have_count(3)
    button = enter(box)
    page.evaluate(
        "lmkit.handle('next-token', () => new Promise(() => {}));"
        "lmkit.model.dispatchEvent(new Event('state'))"
    )
    expect(box.locator("input[type=text]")).to_be_visible()
    assert box.evaluate(IS_FULL)
    expect(button).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    left(page, box)


def test_a_figure_that_is_taken_away_leaves_the_page_usable(page, served):
    box = figure(page, served, "04-sequence-modeling", "softmax-explorer")
    enter(box)
    page.wait_for_function("document.querySelectorAll('[inert]').length > 3")
    box.evaluate("box => box.parentElement.remove()")
    page.wait_for_function("!document.querySelector('[inert]')")


def test_the_word_under_the_pointer_is_the_one_that_is_named_also_when_larger(new_page, served):
    page = new_page(1600)
    box = figure(page, served, "03-embeddings", "embedding-map")
    enter(box)
    place = box.locator(".lmk-place").filter(has_text=re.compile("^.fox$")).locator("i")
    mark = place.bounding_box()
    page.mouse.move(mark["x"] - 8, mark["y"] + mark["height"] / 2)  # beside the mark
    says(box, "“fox”: nearest")


# ------------------------------------------------------------------ pictures


HOSTILE = "<img src=x onerror=\"document.title='taken'\"><b>&amp;</b>]]> \x08 \x1b 🦊 \u200f\u202e"


def fill_hostile(box):
    box.get_by_label("Text", exact=True).fill(HOSTILE)
    says(box, f"{len(HOSTILE)} characters: ")


def test_a_picture_of_hostile_text_shows_it(page, way):
    box = figure(page, way, "02-tokenization", "tokenizer-playground")
    fill_hostile(box)
    pixels, name = picture(page, box)
    assert name == "how-is-this-text-cut.png"
    assert min(pixels.shape[:2]) > 500 and pixels.std() > 5
    assert "taken" not in page.title()


def test_a_browser_that_draws_no_html_gives_an_svg(new_page, served, tmp_path):
    page = new_page()
    page.add_init_script("HTMLCanvasElement.prototype.toBlob = () => { throw Error('tainted'); }")
    box = figure(page, served, "02-tokenization", "tokenizer-playground")
    fill_hostile(box)
    box.get_by_label("More").click()
    with page.expect_download() as download:
        box.get_by_role("button", name="Download picture (PNG)").click()
    assert download.value.suggested_filename == "how-is-this-text-cut.svg"
    says(box, "the picture is an SVG")
    text = download.value.path().read_text("utf-8")
    assert "<img" not in text and "<script" not in text and "url(" not in text
    download.value.save_as(tmp_path / "picture.svg")
    page.goto((tmp_path / "picture.svg").as_uri())
    expect(page.locator("foreignObject")).to_contain_text("onerror")
    assert page.title() != "taken"


def test_a_table_that_scrolls_on_the_page_is_whole_in_its_picture(new_page, served):
    page = new_page(390)
    box = figure(page, served, "04-sequence-modeling", "chain-rule")
    scroll = box.locator(".lmk-scroll").first
    hidden = scroll.evaluate("e => e.scrollWidth - e.clientWidth")
    assert hidden > 20
    pixels, _ = picture(page, box)
    assert pixels.shape[1] >= 2 * (box.bounding_box()["width"] + hidden)


def test_a_true_svg_is_still_there(page, served, tmp_path):
    box = figure(page, served, "05-recurrent-networks", "gradient-flow")
    assert "<polyline" in saved(page, box, "picture", tmp_path / "lines.svg")
