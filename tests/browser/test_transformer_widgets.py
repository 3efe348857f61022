"""The widgets of chapter 6 on the built page: mouse and keyboard, http and disk, a phone."""

from conftest import axe_violations, fits, saved, says, visit, widget

CHAPTER = "notebooks/06-transformers.html"


def test_steps_explain_a_cell_and_a_changed_number_flows(page, way):
    box = widget(visit(page, way + CHAPTER), "attention-steps")
    says(box, "“sat” gives “cat” e^4.24 / (e^0 + e^4.24 + e^0) = 97.2 % of its attention.")
    box.get_by_label("Divide by √d").uncheck()
    says(box, "e^6 / (e^0 + e^6 + e^0)")
    box.get_by_label("Causal mask").uncheck()
    says(box, "= 49.8 % of its attention")
    field = box.get_by_label("X, mat, column 1")
    field.fill("0")
    says(box, "Entry 1 of the vector of “mat” is 0. Change it, and watch it flow.")
    assert box.get_by_label("weights, sat, mat:").inner_text() == "0.245 %"
    field.fill("1000")
    says(box, "A number between −99 and 99 goes here")
    box.get_by_role("button", name="Start again").click()
    assert box.get_by_label("weights, sat, cat:").inner_text() == "97.2 %"
    assert field.input_value() == "1"
    says(box, "“sat” gives “cat” e^4.24")


def test_steps_by_keyboard_alone(page, way):
    box = widget(visit(page, way + CHAPTER), "attention-steps")
    box.get_by_label("scores, The, The:").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    says(box, "How well the key of “cat” answers the query of “sat”: 3 · 2 + 0 · 0 = 6.")
    assert box.locator(".lmk-steps-q .lmk-step-from").count() == 2
    page.keyboard.press("Tab")
    says(box, "2 divided by √2 = 1.41 is 1.41.")


def test_positions_in_four_views(page, way):
    box = widget(visit(page, way + CHAPTER), "positional-encoding")
    says(box, "Position 10 is row 10: 64 numbers")
    assert box.get_by_label("Distance").is_hidden()
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


def test_positions_as_table_picture_and_data(page, served, tmp_path):
    box = widget(visit(page, served + CHAPTER), "positional-encoding")
    assert "<rect" in saved(page, box, "picture", tmp_path / "map.svg")
    box.get_by_label("Show", exact=True).select_option("waves")
    picture = saved(page, box, "picture", tmp_path / "waves.svg")
    assert "polyline" in picture and "var(" not in picture
    assert saved(page, box, "data", tmp_path / "p.csv").count("\n") == 101
    box.get_by_label("More").click()
    box.get_by_role("button", name="Show as table").click()
    assert box.get_by_role("table").locator("tbody tr").count() == 64


def test_heads_of_a_layer_for_each_token(page, way):
    box = widget(visit(page, way + CHAPTER), "multi-head")
    box.get_by_label("Layer", exact=True).select_option("19")
    box.get_by_role("button", name="·mat").click()
    says(box, "For “mat” head 4 adds most")
    assert box.locator("tbody tr").count() == 9
    page.keyboard.press("ArrowLeft")
    says(box, "For “the”")
    assert page.evaluate("document.activeElement.textContent") == "·the"
    box.get_by_label("More").click()
    box.get_by_role("button", name="Show as table").click()
    assert box.get_by_role("table").locator("tbody tr").count() == 9


def test_the_chapter_fits_a_phone_and_axe_finds_nothing(new_page, served):
    for theme in ("light", "dark"):
        page = visit(new_page(390, 844, theme=theme), served + CHAPTER)
        fits(page)
        assert axe_violations(page) == []
