"""SoftmaxExplorer on the built page of chapter 4, by mouse and by keyboard."""

import re

from conftest import saved, says, visit, widget
from playwright.sync_api import expect

CHAPTER = "notebooks/04-sequence-modeling.html"


def explorer(page):
    return widget(page, "softmax-explorer")


def shares(box, *texts):
    """Wait until the words have these shares."""
    expect(box.locator(".lmk-share")).to_have_text(list(texts))


BEFORE = ("66.5 %", "24.5 %", "9.00 %")


def test_it_opens_with_the_chapters_numbers(page, served):
    box = explorer(visit(page, served + CHAPTER))
    shares(box, *BEFORE)
    says(box, "“cat” has 7.39 of a sum of 11.1: 66.5 %")


def test_a_constant_changes_nothing_and_a_temperature_does(page, served):
    box = explorer(visit(page, served + CHAPTER))
    shares(box, *BEFORE)
    box.get_by_label("Add to all logits").fill("3")
    says(box, "3.00 added to every logit: each power and their sum are multiplied by 20.1")
    shares(box, *BEFORE)
    expect(box.locator(".lmk-z")).to_have_text(["z = 5.00", "z = 4.00", "z = 3.00"])
    box.get_by_label("Temperature").fill("2")
    says(box, "Temperature 0.5 divides the differences between logits by 0.5: the greatest gains.")
    expect(box.locator(".lmk-share").first).to_have_text("86.7 %")
    box.get_by_label("Temperature").fill("0")
    shares(box, "100 %", "0 %", "0 %")
    box.get_by_role("button", name="Start again").click()
    shares(box, *BEFORE)
    expect(box.get_by_label("Add to all logits")).to_have_value("0")


def test_by_keyboard_alone(page, served):
    box = explorer(visit(page, served + CHAPTER))
    box.get_by_label("Temperature").focus()
    page.keyboard.press("Tab")
    expect(box.get_by_label("Logit of cat")).to_be_focused()
    page.keyboard.press("Home")
    says(box, re.compile("^“dog” has"))
    spoken = re.compile("−5.00, probability")
    expect(box.get_by_label("Logit of cat")).to_have_attribute("aria-valuetext", spoken)
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    expect(box.locator(".lmk-z").first).to_have_text("z = 4.90")


def test_table_and_downloads(page, served, tmp_path):
    box = explorer(visit(page, served + CHAPTER))
    box.get_by_label("More").click()
    box.get_by_role("button", name="Show as table").click()
    for place, text in enumerate(("2.00", "7.39", "66.5 %")):
        expect(box.get_by_role("table").locator("td").nth(place)).to_have_text(text)
    assert "cat,2,1,0.665" in saved(page, box, "data", tmp_path / "file.csv")
    assert "<rect" in saved(page, box, "picture", tmp_path / "file.svg")


def test_the_state_outlives_a_change_of_theme(page, served):
    box = explorer(visit(page, served + CHAPTER))
    box.get_by_label("Logit of bird").fill("5")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    expect(box.get_by_label("Logit of bird")).to_have_value("5")


def test_without_scripts_there_is_a_table(new_page, served):
    page = new_page(java_script_enabled=False)
    page.goto(served + CHAPTER)
    expect(page.locator("main")).to_contain_text("cat\t2.00\t7.39\t66.5%", use_inner_text=True)


def test_the_chapter_leads_to_its_exercises_and_they_back(page, served):
    visit(page, served + CHAPTER)
    page.get_by_role("main").get_by_role("link", name="exercises/04-sequence-modeling").click()
    page.wait_for_url("**/exercises/04-sequence-modeling.html")
    page.get_by_role("link", name="Back to the chapter").click()
    page.wait_for_url("**/notebooks/04-sequence-modeling.html")
