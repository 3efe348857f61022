"""What every figure owes its reader, and every question: whatever stands on the built pages.

A figure has a way back (⟲); a question has none, for what a student wrote is not thrown away. On
pages of the book that are no chapters, one text and one link serve all figures together.
"""

import csv
import io
import re

import numpy as np
import pytest
from conftest import BUILT, becomes, saved, visit, widget
from PIL import Image
from playwright.sync_api import expect


def found():
    """Each page of the built site, chapters first, with each kind of figure or question on it."""
    for file in sorted(
        BUILT.rglob("*.html"), key=lambda file: (file.parent.name != "notebooks", file)
    ):
        for name in dict.fromkeys(re.findall(r'data-lmkit="([\w-]+)"', file.read_text("utf-8"))):
            yield file.relative_to(BUILT).as_posix(), name


FOUND = list(found())
FIRST = list({name: (where, name) for where, name in reversed(FOUND)}.values())
DATA, TABLE, LINK = "Download data (CSV)", "Show as table", "Copy link to this state"
WANTED = [TABLE, LINK, "Download picture (PNG)", DATA, "Keyboard help"]
IS_FULL = "el => el.closest('.lmk-stage')?.matches(':is(:fullscreen, :popover-open)')"


def test_there_are_figures_of_every_kind_and_questions():
    assert len(FIRST) >= 18 and len(FOUND) > len(FIRST)


def tools(box):
    return box.locator(".lmk-head .lmk-tool").all_text_contents()


def items(box):
    return box.locator(".lmk-menu-list button").all_text_contents()


def enter(box):
    """Fill the screen with a figure, by the keyboard."""
    button = box.get_by_role("button", name="Full screen")
    button.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    return button


def left(page, box):
    """Wait until a figure is back in its page, and all around it can be used again."""
    button = box.get_by_role("button", name="Full screen")
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(page.locator("[inert]")).to_have_count(0)
    assert not box.evaluate(IS_FULL)


@pytest.mark.parametrize(("where", "name"), FIRST)
def test_it_fills_the_screen_of_a_phone_a_desk_and_a_wall(page, served, where, name):
    page.set_viewport_size({"width": 390, "height": 844})
    box = widget(visit(page, served + where), name)
    stage = "document.querySelector('.lmk-stage:is(:fullscreen, :popover-open)')"
    below = f"{stage}.querySelector('.lmk-reading')?.getBoundingClientRect().bottom ?? 0"
    for width, height in ((390, 844), (1280, 1080), (1920, 1080)):
        page.set_viewport_size({"width": width, "height": height})
        button = enter(box)
        becomes(page, f"{stage}.scrollWidth - {stage}.clientWidth", 0)
        if is_figure(where, box):
            becomes(page, f"({below}) <= innerHeight", True)
        button.press("Escape")
        left(page, box)


def is_figure(where, box):
    return "⟲" in tools(box) or (not where.startswith("notebooks/") and DATA in items(box))


@pytest.mark.parametrize(("where", "name"), FOUND)
def test_it_has_what_it_owes(page, served, where, name, tmp_path):
    boxes = visit(page, served + where).locator(f"[data-lmkit={name}] .lmk-widget")
    for box in boxes.all():
        box.scroll_into_view_if_needed()
        if is_figure(where, box):
            owes_of_a_figure(page, where, box)
        else:
            owes_of_a_question(box, where)
    if not is_figure(where, boxes.first):
        return
    leads_on_by_keyboard(page, boxes.first)
    has_a_table(boxes.first)
    rows = list(csv.reader(io.StringIO(saved(page, boxes.first, "data", tmp_path / "data.csv"))))
    assert len(rows) > 1 and len({len(row) for row in rows}) == 1
    if LINK in items(boxes.first):
        leads_back(page, served, boxes.first, name)


def owes_of_a_figure(page, where, box):
    """Its tools, and its menu in the order of all others'."""
    chapter = where.startswith("notebooks/")
    assert tools(box)[-3:] == ["⟲", "", "⋯"] if chapter else tools(box)[-2:] == ["", "⋯"]
    said = [item for item in items(box) if item in WANTED]
    wanted = [item for item in WANTED if chapter or item != LINK]
    assert said == [item for item in wanted if item != TABLE or TABLE in said]
    expect(box.locator(".lmk-reading")).not_to_be_empty()


def owes_of_a_question(box, where):
    """The whole screen, and a field to answer in; nothing that would throw an answer away."""
    expect(box.get_by_role("button", name="Full screen")).to_be_visible()
    fields = box.locator("input, textarea, select").filter(visible=True)
    expect(fields).not_to_have_count(0)
    assert not {"⟲", DATA} & {*tools(box), *items(box)}


def leads_on_by_keyboard(page, box):
    """Tab goes through a figure and out of it; the menu opens and closes and keeps the focus."""
    more = box.get_by_label("More")
    more.focus()
    page.keyboard.press("Enter")
    expect(box.get_by_role("button", name="Keyboard help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(box.get_by_role("button", name="Keyboard help")).to_be_hidden()
    expect(more).to_be_focused()
    controls = box.locator("a, button, input, select, textarea, summary, [tabindex='0']")
    inside = "box => box.contains(document.activeElement)"
    for _ in range(controls.count() + 1):
        page.keyboard.press("Tab")
        if not box.evaluate(inside):
            return
    raise AssertionError("Tab does not leave the figure")


def has_a_table(box):
    """A table on request, or a view that is one."""
    if TABLE not in items(box):
        expect(box.get_by_role("table").first).to_be_visible()
        return
    tables = box.locator("table").filter(visible=True)
    before = tables.count()
    for shown in (True, False):
        box.get_by_label("More").click()
        box.locator(".lmk-menu-list button").filter(has_text=TABLE).click()
        expect(tables).to_have_count(before + shown)


def leads_back(page, served, box, name):
    """A link to a figure's state can be followed, and ⟲ leads to a state that can be read."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=served)
    box.get_by_label("More").click()
    box.get_by_role("button", name=LINK).click()
    expect(box.locator(".lmk-reading")).to_contain_text("The link is copied")
    link = page.evaluate("navigator.clipboard.readText()")
    assert f"figure={name}-1" in link
    page.goto("about:blank")
    box = widget(visit(page, link), name)
    expect(box.locator(".lmk-reading")).not_to_be_empty()
    expect(page.get_by_role("status").filter(has_text="The link asks")).to_have_count(0)
    box.locator(".lmk-head .lmk-tool").filter(has_text="⟲").click()
    expect(box.locator(".lmk-reading")).not_to_be_empty()


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


@pytest.mark.parametrize(("where", "name"), FIRST)
def test_a_picture_is_what_the_browser_paints(new_page, served, where, name):
    """The oracle is the browser's own screenshot, at two pixels for each of the page's."""
    theme = "dark" if FIRST.index((where, name)) % 2 else "light"
    page = new_page(800, 3000, theme=theme, device_scale_factor=2)
    box = widget(visit(page, served + where), name)
    if DATA not in items(box):
        return  # a question has no picture, which the test above holds
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
