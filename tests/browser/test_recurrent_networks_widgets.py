"""The widgets of chapter 5 on the built page: mouse and keyboard, http and disk, a phone."""

import re

from conftest import focused, saved, says, visit, widget
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


def test_gradients_vanish_hold_and_explode(page, served):
    box = flow(page, served)
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
    expect(box.get_by_label("Gate bias")).to_have_value("1")


def test_gradients_by_keyboard_alone(page, served):
    box = flow(page, served)
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
    expect(box.get_by_role("table").locator("tbody tr")).to_have_count(11)


def test_the_sentence_forth_and_back(page, served):
    box = unroll(page, served)
    says(box, "Step 18 of 18: the LSTM reads “g”")
    expect(box.locator("canvas")).to_have_count(6)
    expect(box.get_by_role("button", name="A step forward")).to_be_disabled()
    box.get_by_role("button", name="A step back").click()
    says(box, re.compile("Step 17 of 18: .* reads “n”.* “g” comes"))
    box.get_by_label("Step", exact=True).fill("0")
    says(box, "Step 1 of 18: the LSTM reads “T”")
    expect(box.get_by_role("button", name="A step back")).to_be_disabled()
    expect(box.locator(".lmk-unroll-tokens .lmk-stale")).to_have_count(17)
    box.locator(".lmk-unroll-tokens button").nth(4).click()
    says(box, "Step 5 of 18: the LSTM reads “s”")


def test_each_network_shows_its_own_gates(page, served):
    box = unroll(page, served)
    for name, maps, keeps in [("RNN", 1, None), ("GRU", 4, "update"), ("LSTM", 6, "forget")]:
        box.get_by_label("Network").select_option(name)
        says(box, f"the {name} reads “g”")
        expect(box.locator("canvas")).to_have_count(maps)
        reading = box.locator(".lmk-reading").inner_text()
        assert (f"its {keeps} gate keeps" in reading) if keeps else "keeps" not in reading
        expect(box.locator(".lmk-bars li")).to_have_count(4)


def test_a_map_is_read_and_gone_to_with_the_mouse(page, served):
    box = unroll(page, served)
    caption = box.locator("figcaption").first
    expect(caption).to_have_text("hidden state h, −1 to 1")
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


def is_painted(box, columns):
    """Wait until the first columns of the first heat map are drawn, and no others."""
    for _ in range(200):
        found = painted(box)
        if found == [t < columns for t in range(len(found))]:
            return
    raise AssertionError(f"painted: {found}")


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


def test_the_sentence_by_keyboard_alone(page, served):
    box = unroll(page, served)
    box.locator(".lmk-unroll-tokens button[tabindex='0']").focus()
    page.keyboard.press("Home")
    says(box, "Step 1 of 18")
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    says(box, "Step 3 of 18: the LSTM reads “e”")
    focused(page, "e.textContent === 'e'")
    is_painted(box, 3)  # what is to come is not there yet
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
    expect(table.locator("thead th").nth(1)).to_have_text("h")
    expect(table.locator("thead th").nth(2)).to_have_text("c")
    expect(table.locator("tbody tr")).to_have_count(18)


def test_the_state_outlives_a_change_of_theme(page, served):
    box = unroll(page, served)
    box.get_by_label("Step", exact=True).fill("3")
    says(box, "Step 4 of 18")
    is_painted(box, 4)
    canvas = "box => box.querySelector('canvas').toDataURL()"
    before = box.evaluate(canvas)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_function(
        f"([box, old]) => ({canvas})(box) !== old", arg=[box.element_handle(), before]
    )
    is_painted(box, 4)  # anew, in the colours of the dark
    expect(box.get_by_label("Step", exact=True)).to_have_value("3")


def test_without_scripts_there_are_tables(new_page, served):
    page = new_page(java_script_enabled=False)
    page.goto(served + CHAPTER)
    for text in ("steps back\tRNN\tLSTM\tGRU\tf alone", "token\tmean |h|\texpected next"):
        expect(page.locator("main")).to_contain_text(text, use_inner_text=True)
