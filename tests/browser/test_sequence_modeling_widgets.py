"""SoftmaxExplorer on the built page of chapter 4, by mouse and by keyboard."""

import re

import pytest
from conftest import axe_violations, fits, saved, says, visit, widget

CHAPTER = "notebooks/04-sequence-modeling.html"


def explorer(page):
    return widget(page, "softmax-explorer")


def shares(box):
    return box.locator(".lmk-share").all_inner_texts()


def test_it_opens_with_the_chapters_numbers(page, way):
    box = explorer(visit(page, way + CHAPTER))
    assert shares(box) == ["66.5 %", "24.5 %", "9.00 %"]
    says(box, "“cat” has 7.39 of a sum of 11.1: 66.5 %")


def test_a_constant_changes_nothing_and_a_temperature_does(page, way):
    box = explorer(visit(page, way + CHAPTER))
    before = shares(box)
    box.get_by_label("Add to all logits").fill("3")
    says(box, "3.00 added to every logit: each power and their sum are multiplied by 20.1")
    assert shares(box) == before
    assert box.locator(".lmk-z").all_inner_texts() == ["z = 5.00", "z = 4.00", "z = 3.00"]
    box.get_by_label("Temperature").fill("2")
    says(box, "Temperature 0.5 divides the differences between logits by 0.5: the greatest gains.")
    assert shares(box)[0] == "86.7 %"
    box.get_by_label("Temperature").fill("0")
    assert shares(box) == ["100 %", "0 %", "0 %"]
    box.get_by_role("button", name="Start again").click()
    assert shares(box) == before
    assert box.get_by_label("Add to all logits").input_value() == "0"


def test_by_keyboard_alone(page, way):
    box = explorer(visit(page, way + CHAPTER))
    box.get_by_label("Temperature").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Logit of cat"
    page.keyboard.press("Home")
    says(box, re.compile("^“dog” has"))
    assert "−5.00, probability" in page.evaluate(
        "document.activeElement.getAttribute('aria-valuetext')"
    )
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    assert box.locator(".lmk-z").first.inner_text() == "z = 4.90"


def test_table_and_downloads(page, served, tmp_path):
    box = explorer(visit(page, served + CHAPTER))
    box.get_by_label("More").click()
    box.get_by_role("button", name="Show as table").click()
    assert box.get_by_role("table").locator("td").all_inner_texts()[:3] == [
        "2.00",
        "7.39",
        "66.5 %",
    ]
    assert "cat,2,1,0.665" in saved(page, box, "data", tmp_path / "file.csv")
    assert "<rect" in saved(page, box, "picture", tmp_path / "file.svg")


def test_the_state_outlives_a_change_of_theme(page, served):
    box = explorer(visit(page, served + CHAPTER))
    box.get_by_label("Logit of bird").fill("5")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert box.get_by_label("Logit of bird").input_value() == "5"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_chapter_fits_a_phone_and_is_accessible(new_page, served, theme):
    page = visit(new_page(390, 844, theme=theme), served + CHAPTER)
    fits(page)
    assert axe_violations(page) == []


def test_without_scripts_there_is_a_table(new_page, way):
    page = new_page(java_script_enabled=False)
    page.goto(way + CHAPTER)
    assert "cat\t2.00\t7.39\t66.5%" in page.locator("main").inner_text()


def test_the_chapter_leads_to_its_exercises_and_they_back(page, way):
    visit(page, way + CHAPTER)
    page.get_by_role("main").get_by_role("link", name="exercises/04-sequence-modeling").click()
    page.wait_for_url("**/exercises/04-sequence-modeling.html")
    page.get_by_role("link", name="Back to the chapter").click()
    page.wait_for_url("**/notebooks/04-sequence-modeling.html")
