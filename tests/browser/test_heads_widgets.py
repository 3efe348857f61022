"""AttentionMap of chapter 6: heads found, a head switched off, stored and live."""

import re

from conftest import says, visit, widget
from playwright.sync_api import expect

CHAPTER = "notebooks/06-transformers.html"
EFFECT = ".lmk-effect tbody tr"


def jump(box, label):
    box.get_by_role("button", name=re.compile(f"^{re.escape(label)} [01]\\.\\d\\d$")).click()


def test_the_point_is_made_before_a_touch(page, served):
    box = widget(visit(page, served + CHAPTER), "attention-map")
    says(box, re.compile("Without layer 23, head 4, “Paris” falls from 80.* to 39"))
    expect(box.get_by_label("Switch this head off")).to_be_checked()
    expect(box.locator(EFFECT).first).to_contain_text(re.compile(r"Paris.*80\..*39\.", re.DOTALL))


def test_a_button_goes_to_its_head_and_to_its_text(page, served):
    box = widget(visit(page, served + CHAPTER), "attention-map")
    jump(box, "is → capital")
    says(box, "Without layer 13, head 8, “Paris” falls from 80.")
    expect(box.get_by_role("button", name="is → capital")).to_have_attribute("aria-pressed", "true")
    jump(box, "induction")
    says(box, "Without layer 18, head 6, “glass” falls")
    expect(box.get_by_label("Text")).to_have_value(re.compile("lamp river"))
    box.get_by_label("Switch this head off").uncheck()
    says(box, "Layer 18, head 6: On average")
    expect(box.locator(EFFECT)).to_have_count(0)
    box.locator(".lmk-matrix > button").last.hover()
    says(box, "“seven” looks at “glass” 94.")
    jump(box, "previous token")  # it has no text of its own and stays
    says(box, "Layer 16, head 0: ")
    expect(box.get_by_label("Text")).to_have_value(re.compile("lamp river"))


def test_what_is_not_stored_says_so_in_a_sentence(page, served):
    box = widget(visit(page, served + CHAPTER), "attention-map")
    box.get_by_label("Layer").select_option("3")
    says(box, "stored only for the heads found: choose one of them, or load the model.")
    expect(box.locator(EFFECT)).to_have_count(0)
    box.get_by_label("Head", exact=True).select_option("-1")
    says(box, "the mean is not a head")
    box.locator(".lmk-matrix > button").first.hover()
    says(box, "mean over heads")
    jump(box, "is → France")
    says(box, "“Paris” falls")


def test_by_keyboard_alone(page, served):
    box = widget(visit(page, served + CHAPTER), "attention-map")
    box.get_by_role("button", name="is → France").focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    says(box, "Without layer 13, head 8")
    box.get_by_label("Switch this head off").focus()
    page.keyboard.press("Space")
    says(box, "Layer 13, head 8: On average")


def test_the_live_model_switches_off_any_head_in_any_text(new_page, served):
    page = new_page()
    box = widget(visit(page, served + CHAPTER), "attention-map")
    box.get_by_role("button", name=re.compile("Load the model, 98 MB")).click()
    page.wait_for_function("lmkit.model.state === 'ready'", timeout=120_000)
    box.get_by_label("Text", exact=True).fill("The capital of Italy is")
    box.get_by_label("Text", exact=True).press("Enter")
    says(box, re.compile("Without layer 23, head 4, “Rome” falls from 6.* to 1"))
    box.get_by_label("Layer").select_option("0")
    box.get_by_label("Head", exact=True).select_option("8")
    says(box, "Without layer 0, head 8, “Rome”")
    for layer in ("5", "6", "7", "12"):  # quickly: only the last is shown
        box.get_by_label("Layer").select_option(layer)
    says(box, "Without layer 12, head 8, “Rome”")
    says(box, "computed now", "source")
