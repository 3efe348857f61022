"""The widgets of chapter 6 on the built page: mouse and keyboard, http and disk, a phone."""

from conftest import focused, saved, says, visit, widget
from playwright.sync_api import expect

CHAPTER = "notebooks/06-transformers.html"


def test_steps_explain_a_cell_and_a_changed_number_flows(page, served):
    box = widget(visit(page, served + CHAPTER), "attention-steps")
    says(box, "“sat” gives “cat” e^4.24 / (e^0 + e^4.24 + e^0) = 97.2 % of its attention.")
    box.get_by_label("Divide by √d").uncheck()
    says(box, "e^6 / (e^0 + e^6 + e^0)")
    box.get_by_label("Causal mask").uncheck()
    says(box, "= 49.8 % of its attention")
    field = box.get_by_label("X, mat, column 1")
    field.fill("0")
    says(box, "Entry 1 of the vector of “mat” is 0. Change it, and watch it flow.")
    expect(box.get_by_label("weights, sat, mat:")).to_have_text("0.245 %")
    field.fill("1000")
    says(box, "A number between −99 and 99 goes here")
    box.get_by_role("button", name="Start again").click()
    expect(box.get_by_label("weights, sat, cat:")).to_have_text("97.2 %")
    expect(field).to_have_value("1")
    says(box, "“sat” gives “cat” e^4.24")


def test_steps_by_keyboard_alone(page, served):
    box = widget(visit(page, served + CHAPTER), "attention-steps")
    box.get_by_label("scores, The, The:").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    says(box, "How well the key of “cat” answers the query of “sat”: 3 · 2 + 0 · 0 = 6.")
    expect(box.locator(".lmk-steps-q .lmk-step-from")).to_have_count(2)
    page.keyboard.press("Tab")
    says(box, "2 divided by √2 = 1.41 is 1.41.")


def test_positions_in_four_views(page, served):
    box = widget(visit(page, served + CHAPTER), "positional-encoding")
    says(box, "Position 10 is row 10: 64 numbers")
    expect(box.get_by_label("Distance")).to_be_hidden()
    box.get_by_label("Show", exact=True).select_option("waves")
    says(box, "Pair 4 (dimensions 8 and 9) turns once in 19.9 positions.")
    box.get_by_label("Show", exact=True).select_option("distance")
    says(box, "PE(10) · PE(13) = 25.6")
    box.get_by_label("Position").fill("40")
    says(box, "PE(40) · PE(43) = 25.6")
    box.get_by_label("Position").press("End")
    says(box, "PE(99) · PE(102) = 25.6")
    box.get_by_label("Show", exact=True).select_option("rope")
    says(box, "q · k = 0.583")
    box.get_by_label("Position").focus()
    page.keyboard.press("End")
    says(box, "At positions 102 and 99")
    says(box, "q · k = 0.583")
    box.get_by_label("Dimensions d").fill("0")
    says(box, "pair 1")


def test_steps_as_table(page, served):
    box = widget(visit(page, served + CHAPTER), "attention-steps")
    box.get_by_label("More").click()
    box.get_by_role("button", name="Show as table").click()
    table = box.get_by_role("region", name="The figure as a table")
    cells = table.locator("tbody tr").nth(1).locator("th, td")
    expect(cells).to_have_text(["cat", "6", "4.24", "4.24", "97.2 %", "(1, 0)"])
    box.get_by_label("output, mat, column 1:").click()
    table.get_by_text("What “mat” takes").wait_for()


def test_positions_as_table_and_data(page, served, tmp_path):
    box = widget(visit(page, served + CHAPTER), "positional-encoding")
    assert saved(page, box, "data", tmp_path / "p.csv").count("\n") == 101
    box.get_by_label("More").click()
    box.get_by_role("button", name="Show as table").click()
    expect(box.get_by_role("table").locator("tbody tr")).to_have_count(64)


def test_heads_of_a_layer_for_each_token(page, served):
    box = widget(visit(page, served + CHAPTER), "multi-head")
    says(box, "For “mat” 7 of 9 heads look most at the start. Head 4 adds most")
    box.get_by_role("button", name="·cat").click()
    says(box, "For “cat” ")
    expect(box.locator(".lmk-multi-later")).to_have_count(5)  # what comes after cat
    box.get_by_label("Layer", exact=True).fill("24")
    says(box, "End to end they add")
    panel = box.locator("[data-head='6']")
    panel.locator("rect").first.click(position={"x": 4, "y": 4})
    says(box, "Head 6 takes for “cat”")
    expect(box.get_by_role("button", name="head 6")).to_have_attribute("aria-pressed", "true")
    expect(box.locator(".lmk-multi-faint")).to_have_count(8)
    panel.locator("rect").first.click(position={"x": 4, "y": 4})
    expect(box.get_by_role("button", name="head 6")).to_have_attribute("aria-pressed", "false")


def test_heads_by_keyboard_alone(page, served):
    box = widget(visit(page, served + CHAPTER), "multi-head")
    box.get_by_role("button", name="head 0").focus()
    page.keyboard.press("Enter")
    says(box, "Head 0 takes for “mat”")
    page.keyboard.press("ArrowRight")
    says(box, "Head 1 takes for “mat”")
    focused(page, "e.title.startsWith('head 1: ')")
    page.keyboard.press("ArrowUp")
    says(box, "Head 1 takes for “the”")
    focused(page, "e.textContent === '·the'")
    page.keyboard.press("Escape")
    says(box, "For “the” ")
    for _ in range(2):  # the group of heads, and before it the layer
        page.keyboard.press("Shift+Tab")


def test_heads_as_table_and_data(page, served, tmp_path):
    box = widget(visit(page, served + CHAPTER), "multi-head")
    data = saved(page, box, "data", tmp_path / "heads.csv")
    assert data.count("\n") == 1 + 30 * 9 * 7
    box.get_by_label("More").click()
    box.get_by_role("button", name="Show as table").click()
    expect(box.get_by_role("table").locator("tbody tr")).to_have_count(9)
    box.get_by_role("button", name="start", exact=True).click()
    box.get_by_text("Layer 19: what each head takes for the start").wait_for()


def test_on_a_phone_every_head_can_be_touched(new_page, served):
    box = widget(visit(new_page(390, 844), served + CHAPTER), "multi-head")
    buttons = box.locator(".lmk-multi button").all()
    assert len(buttons) == 9 + 8
    sizes = [button.bounding_box() for button in buttons]
    assert min(min(size["width"], size["height"]) for size in sizes) >= 24
    inside = box.evaluate("(node) => node.scrollWidth <= node.clientWidth")
    assert inside, "nothing scrolls sideways"
