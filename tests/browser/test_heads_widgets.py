"""AttentionMap of chapter 6: heads found, a head switched off, stored and live."""

import re

import pytest
from conftest import axe_violations, says, visit, widget

CHAPTER = "notebooks/06-transformers.html"
EFFECT = ".lmk-effect tbody tr"


def jump(box, label):
    box.get_by_role("button", name=re.compile(f"^{re.escape(label)} [01]\\.\\d\\d$")).click()


def test_the_point_is_made_before_a_touch(page, way):
    box = widget(visit(page, way + CHAPTER), "attention-map")
    says(box, re.compile("Without layer 23, head 4, “Paris” falls from 80.* to 39"))
    assert box.get_by_label("Switch this head off").is_checked()
    first = box.locator(EFFECT).first.inner_text()
    assert [part in first for part in ("Paris", "80.", "39.")] == [True] * 3


def test_a_button_goes_to_its_head_and_to_its_text(page, way):
    box = widget(visit(page, way + CHAPTER), "attention-map")
    jump(box, "is → capital")
    says(box, "Without layer 13, head 8, “Paris” falls from 80.")
    assert box.get_by_role("button", name="is → capital").get_attribute("aria-pressed") == "true"
    jump(box, "induction")
    says(box, "Without layer 18, head 6, “glass” falls")
    assert "lamp river" in box.get_by_label("Text").input_value()
    box.get_by_label("Switch this head off").uncheck()
    says(box, "Layer 18, head 6: On average")
    assert box.locator(EFFECT).count() == 0
    box.locator(".lmk-matrix > button").last.hover()
    says(box, "“seven” looks at “glass” 94.")
    jump(box, "previous token")  # it has no text of its own and stays
    says(box, "Layer 16, head 0: ")
    assert "lamp river" in box.get_by_label("Text").input_value()


def test_what_is_not_stored_says_so_in_a_sentence(page, way):
    box = widget(visit(page, way + CHAPTER), "attention-map")
    box.get_by_label("Layer").select_option("3")
    says(box, "stored only for the heads found: choose one of them, or load the model.")
    assert box.locator(EFFECT).count() == 0
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


def test_the_live_model_switches_off_any_head_in_any_text(page, served):
    box = widget(visit(page, served + CHAPTER), "attention-map")
    box.get_by_role("button", name=re.compile("Load the model, 98 MB")).click()
    page.wait_for_function("lmkit.model.state === 'ready'", timeout=60_000)
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


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_phone_and_is_accessible(new_page, served, theme):
    page = visit(new_page(390, 844, theme=theme), served + CHAPTER)
    box = widget(page, "attention-map")
    says(box, "“Paris” falls")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    sizes = [button.bounding_box() for button in box.locator(".lmk-jump").all()]
    assert min(min(size["width"], size["height"]) for size in sizes) >= 24
    assert axe_violations(page) == []


def test_a_jump_is_quick_on_a_slow_page(page, served):
    box = widget(visit(page, served + CHAPTER), "attention-map")
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    took = box.evaluate(
        """async (box) => {
            const buttons = [...box.querySelectorAll(".lmk-jump")];
            const times = [];
            for (const button of buttons) {
                const start = performance.now();
                button.click();
                await new Promise((done) => queueMicrotask(done));
                box.getBoundingClientRect(); // with all that the layout takes
                times.push(performance.now() - start);
                await new Promise((done) => setTimeout(done, 200));
            }
            return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
        }"""
    )
    session.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    print(f"a jump takes {took:.0f} ms at a quarter of the speed")
    assert took < 100
