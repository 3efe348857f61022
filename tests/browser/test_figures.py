"""What every figure offers: the whole screen, a picture of itself, a table, a way back."""

import io
import re

import numpy as np
import pytest
from conftest import AXE, saved, says, visit, widget
from PIL import Image

CHAPTERS = {
    "01-introduction": ["next-token", "chain-rule"],
    "02-tokenization": ["tokenizer-playground", "bpe-trainer"],
    "03-embeddings": ["embedding-arithmetic", "embedding-map", "contextual-bank"],
    "04-sequence-modeling": ["softmax-explorer", "chain-rule", "next-token", "generate"],
    "05-recurrent-networks": ["recurrent-unroll", "gradient-flow"],
    "06-transformers": ["attention-steps", "multi-head", "positional-encoding", "attention-map"],
}
FIGURES = [(chapter, name) for chapter, names in CHAPTERS.items() for name in names]
NO_FULL_SCREEN = "delete Element.prototype.requestFullscreen"
IS_FULL = "el => el.closest('.lmk-stage')?.matches(':is(:fullscreen, :popover-open)')"


def figure(page, address, chapter, name):
    return widget(visit(page, f"{address}notebooks/{chapter}.html"), name)


def enter(box):
    button = box.get_by_role("button", name="Full screen")
    button.press("Enter")
    box.locator("button[aria-label='Full screen'][aria-pressed=true]").wait_for()
    return button


def left(page, box):
    """Wait until a figure is back in its page, and all around it can be used again."""
    box.locator("button[aria-label='Full screen'][aria-pressed=false]").wait_for()
    assert not box.evaluate(IS_FULL)
    assert page.locator("[inert]").count() == 0


# ------------------------------------------------------------- head and menu


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_figure_has_its_tools_and_its_menu(page, served, chapter):
    visit(page, f"{served}notebooks/{chapter}.html")
    for box in page.locator(".lmk-widget").all():
        tools = box.locator(".lmk-head .lmk-tool").all_text_contents()
        name = box.evaluate("box => box.closest('[data-lmkit]').dataset.lmkit")
        if name in ("quick-check", "synthesis-question"):
            assert box.get_by_role("button", name="Full screen").is_visible()
            continue
        assert tools[-3:] == ["⟲", "", "⋯"], name
        box.get_by_label("More").click()
        items = box.locator(".lmk-menu-list button").all_inner_texts()
        box.get_by_label("More").press("Escape")
        wanted = ["Show as table", "Copy link to this state", "Download picture (PNG)"]
        wanted += ["Download data (CSV)", "Keyboard help"]
        if name in ("chain-rule", "attention-steps"):  # their views are tables
            wanted.remove("Show as table")
            assert box.get_by_role("table").first.is_visible()
        assert [item for item in items if item in wanted] == wanted, name


def test_a_figure_is_set_back_to_what_it_was(page, served):
    box = figure(page, served, "06-transformers", "attention-map")
    before = box.locator(".lmk-reading").inner_text()
    box.get_by_label("Layer", exact=True).select_option("0")
    box.get_by_label("Text", exact=True).select_option(index=1)
    assert box.locator(".lmk-reading").inner_text() != before
    box.get_by_role("button", name="Start again").click()
    says(box, before)


def test_the_menu_says_whether_the_table_is_shown(page, served):
    box = figure(page, served, "04-sequence-modeling", "generate")
    item = box.locator(".lmk-menu-list button").filter(has_text="Show as table")
    region = box.get_by_role("region", name="The figure as a table")
    for pressed in ("true", "false", "true"):
        box.get_by_label("More").click()
        item.click()
        assert item.get_attribute("aria-pressed") == pressed
        assert region.is_visible() == (pressed == "true")
    written = box.locator(".lmk-token").count()
    assert region.locator("tbody tr").count() == written > 5
    box.get_by_label("Prompt").select_option(index=1)
    texts = box.locator(".lmk-token").all_text_contents()
    cells = region.locator("tbody th").all_text_contents()
    assert [cell.replace("·", " ") for cell in cells] == [t.replace("\n", "↵") for t in texts]


# --------------------------------------------------------------- full screen


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("script", ["", NO_FULL_SCREEN], ids=["full screen", "over the page"])
def test_full_screen_by_keyboard(new_page, way, script, theme):
    page = new_page(1600, theme=theme)
    page.add_init_script(script)
    box = figure(page, way, "04-sequence-modeling", "softmax-explorer")
    enter(box)
    assert page.evaluate("document.fullscreenElement !== null") == (not script)
    size = box.evaluate("box => [box.parentElement.clientWidth, box.parentElement.clientHeight]")
    assert size == page.evaluate("[innerWidth, innerHeight]")
    paper = box.evaluate("box => getComputedStyle(box.parentElement).backgroundColor")
    assert paper == page.evaluate("getComputedStyle(document.body).backgroundColor")
    for _ in range(12):  # more than its controls: Tab goes round in the figure, or to the browser
        page.keyboard.press("Tab")
        assert page.evaluate(
            f"(el => el === document.body || ({IS_FULL})(el))(document.activeElement)"
        )
    page.evaluate(AXE)
    found = page.evaluate("axe.run('.lmk-stage:is(:fullscreen, :popover-open)', {preload: false})")
    assert found["violations"] == [] and len(found["passes"]) > 10
    box.get_by_label("Temperature").press("Home")
    said = box.locator(".lmk-reading").inner_text()
    assert "everything" in said
    box.get_by_label("More").press("Enter")
    page.keyboard.press("Escape")  # closes the menu alone
    assert box.evaluate(IS_FULL)
    page.keyboard.press("Escape")
    left(page, box)
    assert box.locator(".lmk-reading").inner_text() == said
    button = enter(box)
    button.press("Enter")
    left(page, box)


@pytest.mark.parametrize(("chapter", "name"), FIGURES)
def test_nothing_hangs_over_the_screen(new_page, served, chapter, name):
    page = new_page(390, 844)
    box = figure(page, served, chapter, name)
    for width in (390, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 844 if width < 1000 else 1080})
        button = enter(box)
        wide = box.evaluate("box => [box.parentElement.scrollWidth, box.parentElement.clientWidth]")
        assert wide[0] == wide[1]
        assert box.locator(".lmk-reading").evaluate(
            "e => e.getBoundingClientRect().bottom <= innerHeight"
        )
        button.press("Escape")
        left(page, box)


def test_a_model_that_comes_to_hand_leaves_the_figure_in_full_screen(page, served):
    box = figure(page, served, "01-introduction", "next-token")
    assert box.locator("select").count() == 3
    enter(box)
    page.evaluate(
        "lmkit.handle('next-token', () => new Promise(() => {}));"
        "lmkit.model.dispatchEvent(new Event('state'))"
    )
    box.locator("input[type=text]").wait_for()
    assert box.evaluate(IS_FULL)
    assert box.get_by_role("button", name="Full screen").get_attribute("aria-pressed") == "true"
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    left(page, box)


def test_a_figure_that_is_taken_away_leaves_the_page_usable(page, served):
    box = figure(page, served, "04-sequence-modeling", "softmax-explorer")
    enter(box)
    assert page.locator("[inert]").count() > 3
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


def picture(page, box):
    """The picture that a figure's menu gives, as an array of pixels, and its file's name."""
    box.get_by_label("More").click()
    with page.expect_download() as download:
        box.get_by_role("button", name="Download picture (PNG)").click()
    image = Image.open(download.value.path())
    assert image.format == "PNG"
    return np.asarray(image.convert("RGB"), float), download.value.suggested_filename


def coarse(pixels, side=16):
    """Means of squares of pixels: text may be drawn half a pixel higher or lower."""
    rows, columns = (length // side for length in pixels.shape[:2])
    squares = pixels[: rows * side, : columns * side].reshape(rows, side, columns, side, 3)
    return squares.mean((1, 3))


@pytest.mark.parametrize(("chapter", "name"), FIGURES)
def test_a_picture_is_what_the_browser_paints(new_page, served, chapter, name):
    """The oracle is the browser's own screenshot, at two pixels for each of the page's."""
    theme = "dark" if FIGURES.index((chapter, name)) % 2 else "light"
    page = new_page(800, 3000, theme=theme, device_scale_factor=2)
    box = figure(page, served, chapter, name)
    pixels, _ = picture(page, box)
    height, width = (side // 2 - 32 for side in pixels.shape[:2])  # without its margins
    page.evaluate("document.activeElement.blur()")
    box.evaluate(
        "box => { const width = box.clientWidth; box.classList.add('lmk-still');"
        "box.style = `position: fixed; z-index: 9; left: 0; top: 0; width: ${width}px` }"
    )
    clip = {"x": 0, "y": 0, "width": width, "height": height}
    seen = Image.open(io.BytesIO(page.screenshot(clip=clip, animations="disabled")))
    drawn, painted = coarse(pixels[32:-32, 32:-32]), coarse(np.asarray(seen.convert("RGB"), float))
    assert painted.std() > 3
    assert np.corrcoef(drawn.ravel(), painted.ravel())[0, 1] > 0.95
    assert (abs(drawn - painted).max(-1) > 24).mean() < 0.01


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


def test_a_browser_that_draws_no_html_gives_an_svg(page, served, tmp_path):
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
    assert page.locator("foreignObject").text_content().count("onerror") >= 1
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
