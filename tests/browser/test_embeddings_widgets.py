"""The widgets of chapter 3 on the built page: mouse and keyboard, http and disk, a phone."""

import re

import pytest
from conftest import becomes, says, visit, widget
from playwright.sync_api import expect

CHAPTER = "notebooks/03-embeddings.html"


COVERED = """svg => {
  const names = [...svg.querySelectorAll("text")];
  const boxes = names.map((name) => name.getBoundingClientRect());
  const cut = svg.getBoundingClientRect();
  const within = (a, b) => a.left < b.right - 1 && a.top < b.bottom - 4;
  const isOut = (a) => a.top < cut.top - 2 || a.bottom > cut.bottom + 2
    || a.left < cut.left - 1 || a.right > cut.right + 1;
  const bad = (a, i) => isOut(a) || boxes.some((b, k) => k !== i && within(a, b) && within(b, a));
  return names.filter((_, i) => bad(boxes[i], i)).map((name) => name.textContent);
}"""


def settles(drawing, faults, about=""):
    """Wait until a drawing has none of its faults."""
    for _ in range(200):
        if not (found := drawing.evaluate(faults)):
            return
        drawing.page.evaluate("new Promise(requestAnimationFrame)")
    raise AssertionError(f"{about}: {found}")


# ------------------------------------------------------ EmbeddingArithmetic


def test_king_comes_back_when_the_inputs_may(page, served):
    box = widget(visit(page, served + CHAPTER), "embedding-arithmetic")
    says(box, "“queen” is nearest, with cosine 0.853, once king, man and woman are left out")
    expect(box.locator(".lmk-word").first).to_have_text("queen")
    box.get_by_label("Leave the inputs out").uncheck()
    says(box, "an input comes back")
    for rank, word in enumerate(("king", "queen")):
        expect(box.locator(".lmk-word").nth(rank)).to_have_text(word)


def test_failures_and_bias_are_one_click_away(page, served):
    box = widget(visit(page, served + CHAPTER), "embedding-arithmetic")
    box.get_by_label("Examples").select_option("brother - man + woman")
    says(box, "Sister was expected")
    box.get_by_label("Examples").select_option("doctor - man + woman")
    says(box, "“nurse” is nearest")
    box.get_by_label("Leave the inputs out").focus()
    page.keyboard.press("Space")
    says(box, "“doctor” is nearest")


def test_any_sum_is_computed_once_the_words_are_there(new_page, served):
    page, asked = new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    box = widget(visit(page, served + CHAPTER), "embedding-arithmetic")
    assert not [url for url in asked if "vectors/" in url]
    field = box.get_by_label("Sum", exact=True)
    field.click()
    field.fill("walked - walk + swim")
    field.press("Enter")
    says(box, "“swam” is nearest")
    says(box, "computed now", "source")
    assert len([url for url in asked if "vectors/" in url]) == 1
    field.fill("king + que")
    page.wait_for_function("document.querySelectorAll('datalist option').length > 0")
    expect(box.locator("datalist option[value='king + queen']")).to_have_count(1)
    field.fill("qeen - man")
    field.press("Enter")
    says(box, "unknown word “qeen”; did you mean “queen”?")
    expect(box.locator(".lmk-word").first).to_have_text("swam")  # the last good state stays
    field.fill("king queen")
    field.press("Enter")
    says(box, "Put + or - before “queen”")
    field.fill("walked-walk+swim")
    field.press("Enter")
    says(box, "“swam” is nearest of all words")
    field.fill("king - king")
    field.press("Enter")
    says(box, "no word is near to nothing")
    box.get_by_label("Leave the inputs out").uncheck()
    box.locator(".lmk-word.lmk-chosen").first.wait_for()


@pytest.mark.parametrize("width", [1280, 390])
def test_arrows_names_are_within_the_picture_and_cover_none(new_page, served, width):
    box = widget(visit(new_page(width), served + CHAPTER), "embedding-arithmetic")
    for text in box.get_by_label("Examples").locator("optgroup option").all_inner_texts():
        box.get_by_label("Examples").select_option(text)
        box.get_by_role("img", name=text.split()[-1]).wait_for()
        settles(box.locator(".lmk-plane"), COVERED, text)


def test_words_that_do_not_come_are_asked_for_again(page, served, complaints):
    box = widget(visit(page, served + CHAPTER), "embedding-arithmetic")
    page.route("**/vectors/*", lambda route: route.abort())
    for text, said in [("cat + dog", "could not be loaded"), ("walk - walked + swam", "nearest")]:
        box.get_by_label("Sum", exact=True).fill(text)
        box.get_by_label("Sum", exact=True).press("Enter")
        says(box, said)
        page.unroute("**/vectors/*")
    assert complaints and all("Failed to load resource" in line for line in complaints)
    complaints.clear()


def test_from_the_disk_there_are_the_stored_sums(page, site):
    box = widget(visit(page, f"{site.as_uri()}/{CHAPTER}"), "embedding-arithmetic")
    expect(box.get_by_label("Sum", exact=True)).to_have_count(0)
    says(box, "serve the site", "source")


# ------------------------------------------------------------- EmbeddingMap


def find(box, word):
    """Search the map for a word."""
    box.get_by_label("Find a word").fill(word)
    box.get_by_label("Find a word").press("Enter")


def test_map_by_keyboard_and_groups(page, served):
    box = widget(visit(page, served + CHAPTER), "embedding-map")
    says(box, "91 words (animals, capitals, people)")
    box.get_by_label("countries").check()
    says(box, "126 words")
    find(box, "paris")
    says(box, "“paris”: nearest on the map")
    box.locator(".lmk-places").focus()
    page.keyboard.press("ArrowRight")
    expect(box.locator(".lmk-reading")).not_to_contain_text("“paris”")
    page.keyboard.press("+")
    page.keyboard.press("Escape")
    says(box, "126 words")
    box.get_by_label("More").click()
    box.get_by_role("button", name="Show as table").click()
    expect(box.get_by_role("row")).to_have_count(127)


def test_map_shows_neighbours_of_any_word(page, served):
    box = widget(visit(page, served + CHAPTER), "embedding-map")
    find(box, "bank")
    says(box, "nearest in all 50 dimensions banks, securities, banking")
    box.get_by_label("animals").check()
    says(box, "35 words (animals)")


def test_a_word_of_the_map_has_neighbours_elsewhere_too(page, served):
    box = widget(visit(page, served + CHAPTER), "embedding-map")
    find(box, "paris")
    says(box, "nearest on the map rome")
    box.get_by_role("button", name="Neighbours").click()
    says(box, "nearest in all 50 dimensions france, brussels, amsterdam")
    expect(box.locator(".lmk-name").filter(has_text=re.compile("^london$"))).to_have_count(1)


def test_the_whole_map_is_seen_in_full_screen_and_start_again_leads_back(page, served):
    box = widget(visit(page, served + CHAPTER), "embedding-map")
    box.get_by_label("animals").uncheck()
    says(box, "56 words (capitals, people)")
    box.get_by_role("button", name="Start again").click()
    says(box, "91 words")
    box.get_by_role("button", name="Full screen").click()
    below = "document.querySelector('.lmk-places').getBoundingClientRect().bottom <= innerHeight"
    page.wait_for_function(f"document.fullscreenElement && {below}")
    box.get_by_role("button", name="Zoom in").click()
    box.get_by_role("button", name="Show all").click()
    marks = "[...document.querySelectorAll('.lmk-place')].map(e => e.getBoundingClientRect().y)"
    expect(box.locator(".lmk-place")).to_have_count(91)
    becomes(page, f"{marks}.every(y => y > 0 && y < innerHeight)", True)


def test_a_failed_search_changes_nothing(page, served):
    box = widget(visit(page, served + CHAPTER), "embedding-map")
    find(box, "bank")
    says(box, "“bank”: nearest on the map")
    find(box, "qeen")
    says(box, "unknown word “qeen”; did you mean “queen”?")
    expect(box.locator(".lmk-here > .lmk-name")).to_have_text("bank")
    box.locator(".lmk-places").focus()
    page.keyboard.press("ArrowRight")
    says(box, "nearest on the map")
    expect(box.locator(".lmk-reading")).not_to_contain_text("“bank”")


OVERLAPS = """map => {
  const edge = map.getBoundingClientRect();
  const names = [...map.querySelectorAll(".lmk-place:not(.lmk-bare) > .lmk-name")];
  const boxes = names.map((name) => name.getBoundingClientRect());
  const within = (a, b) => a.left < b.right - 1 && a.top < b.bottom - 1;
  const meet = (a, b) => within(a, b) && within(b, a);
  const isCut = (a) => a.left < edge.left || a.right > edge.right
    || a.top < edge.top || a.bottom > edge.bottom;
  const bad = (a, i) => isCut(a) || boxes.some((b, k) => k !== i && meet(a, b));
  return names.filter((_, i) => bad(boxes[i], i)).map((name) => name.textContent);
}"""


@pytest.mark.parametrize("width", [1280, 390])
def test_names_on_the_map_do_not_overlap_and_are_not_cut(new_page, served, width):
    box = widget(visit(new_page(width), served + CHAPTER), "embedding-map")
    places = box.locator(".lmk-places")
    for group in ["countries", "verbs", "bodies"]:
        box.get_by_label(group).check()
    says(box, "183 words")
    for _ in range(3):
        settles(places, OVERLAPS)
        bare = places.locator(".lmk-bare").count()
        assert 183 - bare > 30
        box.get_by_role("button", name="Zoom in").click()


def test_a_word_without_room_for_its_name_is_read_out_and_shown(new_page, served):
    box = widget(visit(new_page(390), served + CHAPTER), "embedding-map")
    says(box, "91 words")
    bare = box.locator(".lmk-bare").first
    word = bare.text_content()[1:]
    x, y = bare.evaluate("e => { const r = e.getBoundingClientRect(); return [r.left, r.top]; }")
    expect(bare.locator(".lmk-name")).to_be_hidden()
    box.page.mouse.move(x, y)
    says(box, f"“{word}”: nearest on the map")
    expect(box.locator(".lmk-hover > .lmk-name")).to_be_visible()
    box.page.mouse.move(0, 0)
    find(box, word)
    expect(box.locator(".lmk-here > .lmk-name")).to_have_text(word)
    settles(box.locator(".lmk-places"), OVERLAPS)


# ----------------------------------------------------------- ContextualBank


def test_bank_layers_models_and_centring(page, served):
    box = widget(visit(page, served + CHAPTER), "contextual-bank")
    says(box, "after the mean is subtracted")
    box.get_by_label("Model", exact=True).select_option("GloVe")
    says(box, "All 8 vectors are equal: nothing is left")
    box.get_by_label("Subtract the mean").uncheck()
    says(box, "All 8 vectors are equal, whatever the sentence")
    box.get_by_label("Model", exact=True).select_option("SmolLM2-135M-Instruct")
    expect(box.get_by_label("Layer")).to_have_value("3")  # a model without layers keeps it
    box.get_by_label("Layer").fill("8")
    box.locator(".lmk-sentence").nth(2).focus()
    says(box, "“The bank raised its interest rates.” is most like “The bank closed his account.”")
    says(box, "cosine 1.00")


def test_bank_takes_a_sentence_with_the_pages_model(page, served):
    box = widget(visit(page, served + CHAPTER), "contextual-bank")
    page.evaluate("lmkit.model.load()")
    field = box.get_by_label("Your sentence")
    field.wait_for()
    field.fill("They moored at the river bank.")
    field.press("Enter")
    box.locator(".lmk-sentence").nth(8).wait_for()
    says(box, "computed now", "source")
    for text, said in [
        ("The banker left.", "“bank” does not stand as a word in “The banker left.”"),
        ("They moored at the river bank.", "That sentence is there already, as number 9."),
    ]:
        field.fill(text)
        field.press("Enter")
        says(box, said)
        expect(field).to_have_value(text)
        expect(box.locator(".lmk-sentence")).to_have_count(9)
    field.fill("İn the riverbank is a bank.")
    field.press("Enter")
    box.locator(".lmk-sentence").nth(9).wait_for()
    before = "e => e.previousSibling.textContent"
    marked = box.locator(".lmk-sentence").nth(9).locator("strong")
    expect(marked).to_have_text("bank")
    assert marked.evaluate(before) == "İn the riverbank is a "
    says(box, "yours", "senses")
    box.get_by_role("button", name="Remove", exact=True).last.click()
    box.locator(".lmk-sentence").nth(9).wait_for(state="detached")
    expect(field).to_be_focused()


@pytest.mark.parametrize("width", [1280, 390])
def test_every_sentence_has_a_mark_and_a_number_that_hides_no_other(new_page, served, width):
    box = widget(visit(new_page(width), served + CHAPTER), "contextual-bank")
    plane = box.locator(".lmk-senses-plane")
    expect(box.locator(".lmk-sentence > i")).to_have_text(["●"] * 4 + ["◆"] * 4)
    for model, layers in [("MiniLM-L6", 7), ("SmolLM2-135M-Instruct", 31)]:
        box.get_by_label("Model", exact=True).select_option(model)
        for layer in range(1, layers):
            box.get_by_label("Layer").fill(str(layer))
            expect(plane.locator("text")).to_have_text(list("12345678"))
            settles(plane, COVERED, (model, layer))


def test_bank_says_of_two_sentences_how_alike_they_are(page, served):
    box = widget(visit(page, served + CHAPTER), "contextual-bank")
    box.locator(".lmk-cos").nth(1).hover()
    says(box, "“She put her savings in the bank.” and “He asked the bank for a loan.”: cosine")
    expect(box.locator(".lmk-sentence.lmk-chosen")).to_have_count(2)
