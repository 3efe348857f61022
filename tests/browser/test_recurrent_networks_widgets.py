"""The widgets of chapter 5 on the built page: mouse and keyboard, http and disk, a phone."""

import re

import pytest
from conftest import axe_violations, fits, saved, says, visit, widget
from playwright.sync_api import expect

CHAPTER = "notebooks/05-recurrent-networks.html"


def flow(page, address):
    return widget(visit(page, address + CHAPTER), "gradient-flow")


def unroll(page, address):
    return widget(visit(page, address + CHAPTER), "recurrent-unroll")


def heights(box):
    """How high over the chart's ground each line ends, in pixels."""
    ends = box.locator("polyline").evaluate_all(
        "lines => lines.map(line => Number(line.getAttribute('points').split(/[ ,]/).at(-1)))"
    )
    return [280 - y for y in ends]


def test_gradients_vanish_hold_and_explode(page, way):
    box = flow(page, way)
    says(box, "it vanishes in the RNN and the GRU, shrinks in the LSTM")
    rnn, lstm, gru, alone = heights(box)
    assert alone < rnn < gru < lstm
    box.get_by_label("Gate bias").fill("0")
    says(box, "keep 50.0 % a step")
    rnn, lstm, gru, alone = heights(box)
    assert alone < max(lstm, gru) < rnn
    box.get_by_label("Spectral radius").fill("3")
    says(box, "explodes in the RNN")
    box.get_by_label("Steps", exact=True).fill("10")
    says(box, "Of a gradient of 1, 10 steps earlier")
    box.get_by_role("button", name="Start again").click()
    says(box, "it vanishes in the RNN and the GRU")
    assert box.get_by_label("Gate bias").input_value() == "1"


def test_gradients_by_keyboard_alone(page, way):
    box = flow(page, way)
    box.get_by_label("Spectral radius").focus()
    page.keyboard.press("End")
    says(box, "explodes in the RNN")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")
    says(box, "keep 67.9 % a step")  # a bias of 0.75
    page.keyboard.press("Tab")
    page.keyboard.press("Home")
    says(box, "10 steps earlier")


def test_gradients_as_table_picture_and_data(page, served, tmp_path):
    box = flow(page, served)
    picture = saved(page, box, "picture", tmp_path / "g.svg")
    assert picture.count("<polyline") == 4 and "var(" not in picture
    lines = saved(page, box, "data", tmp_path / "g.csv").splitlines()
    assert (
        lines[0] == "steps back,RNN,LSTM,GRU,f alone"
        and lines[1] == "0,1,1,1,1"
        and len(lines) == 52
    )
    box.get_by_label("More").click()
    box.get_by_role("button", name="Show as table").click()
    assert box.get_by_role("table").locator("tbody tr").count() == 11


def test_the_sentence_forth_and_back(page, way):
    box = unroll(page, way)
    says(box, "Step 18 of 18: the LSTM reads “g”")
    assert box.locator("canvas").count() == 6
    assert box.get_by_role("button", name="A step forward").is_disabled()
    box.get_by_role("button", name="A step back").click()
    says(box, re.compile("Step 17 of 18: .* reads “n”.* “g” comes"))
    box.get_by_label("Step", exact=True).fill("0")
    says(box, "Step 1 of 18: the LSTM reads “T”")
    assert box.get_by_role("button", name="A step back").is_disabled()
    assert box.locator(".lmk-unroll-tokens .lmk-stale").count() == 17
    box.locator(".lmk-unroll-tokens button").nth(4).click()
    says(box, "Step 5 of 18: the LSTM reads “s”")


def test_each_network_shows_its_own_gates(page, way):
    box = unroll(page, way)
    for name, maps, keeps in [("RNN", 1, None), ("GRU", 4, "update"), ("LSTM", 6, "forget")]:
        box.get_by_label("Network").select_option(name)
        says(box, f"the {name} reads “g”")
        assert box.locator("canvas").count() == maps
        reading = box.locator(".lmk-reading").inner_text()
        assert (f"its {keeps} gate keeps" in reading) if keeps else "keeps" not in reading
        assert box.locator(".lmk-bars li").count() == 4


def test_a_map_is_read_and_gone_to_with_the_mouse(page, way):
    box = unroll(page, way)
    caption = box.locator("figcaption").first
    assert caption.inner_text() == "hidden state h, −1 to 1"
    size = box.locator("canvas").first.bounding_box()
    column = size["width"] / 18
    page.mouse.move(size["x"] + 4.5 * column, size["y"] + 1)
    expect(caption).to_have_text(re.compile("^h of unit \\d+ at “s”: −?0?[.\\d]+$"))
    page.mouse.click(size["x"] + 2.5 * column, size["y"] + 1)
    says(box, "Step 3 of 18: the LSTM reads “e”")
    page.mouse.move(size["x"] + 9.5 * column, size["y"] + 1)
    expect(caption).to_have_text("hidden state h, −1 to 1")  # not read yet
    page.mouse.move(size["x"] + 0.5 * column, size["y"] + 1)
    expect(caption).to_have_text(re.compile("at “T”"))
    page.mouse.move(0, 0)
    expect(caption).to_have_text("hidden state h, −1 to 1")


def painted(box):
    """For each column of the first heat map, whether anything is drawn in it."""
    return box.locator("canvas").first.evaluate(
        """async (canvas) => {
          await new Promise(requestAnimationFrame);
          const { width, height } = canvas;
          const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
          const inked = (t) => Array.from({ length: height }, (_, k) => data[4 * (k * width + t) + 3]).some(Boolean);
          return Array.from({ length: width }, (_, t) => inked(t));
        }"""  # noqa: E501
    )


def test_the_sentence_by_keyboard_alone(page, way):
    box = unroll(page, way)
    box.locator(".lmk-unroll-tokens button[tabindex='0']").focus()
    page.keyboard.press("Home")
    says(box, "Step 1 of 18")
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    says(box, "Step 3 of 18: the LSTM reads “e”")
    assert page.evaluate("document.activeElement.textContent") == "e"
    assert painted(box) == [True] * 3 + [False] * 15, "what is to come is not there yet"
    page.keyboard.press("ArrowLeft")
    says(box, "Step 2 of 18")
    page.keyboard.press("End")
    says(box, "Step 18 of 18")


def test_the_sentence_as_table_and_data(page, served, tmp_path):
    box = unroll(page, served)
    lines = saved(page, box, "data", tmp_path / "r.csv").splitlines()
    assert lines[0] == "network,array,step,token,unit,value"
    assert len(lines) == 1 + 6 * 18 * 40
    box.get_by_label("More").click()
    box.get_by_role("button", name="Show as table").click()
    table = box.get_by_role("table")
    assert table.locator("thead th").all_inner_texts()[1:3] == ["h", "c"]
    assert table.locator("tbody tr").count() == 18


def test_the_state_outlives_a_change_of_theme(page, served):
    box = unroll(page, served)
    box.get_by_label("Step", exact=True).fill("3")
    says(box, "Step 4 of 18")
    assert painted(box) == [True] * 4 + [False] * 14
    canvas = "box => box.querySelector('canvas').toDataURL()"
    before = box.evaluate(canvas)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_function(
        f"([box, old]) => ({canvas})(box) !== old", arg=[box.element_handle(), before]
    )
    assert painted(box) == [True] * 4 + [False] * 14, "painted anew, in the colours of the dark"
    assert box.get_by_label("Step", exact=True).input_value() == "3"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_chapter_fits_a_phone_and_is_accessible(new_page, served, theme):
    page = visit(new_page(390, 844, theme=theme), served + CHAPTER)
    fits(page)
    assert axe_violations(page) == []


def test_without_scripts_there_are_tables(new_page, way):
    page = new_page(java_script_enabled=False)
    page.goto(way + CHAPTER)
    text = page.locator("main").inner_text()
    assert "steps back\tRNN\tLSTM\tGRU\tf alone" in text
    assert "token\tmean |h|\texpected next" in text
