"""The widgets of chapter 2 on the built page, driven by mouse and by keyboard."""

import re

from conftest import fits, saved, says, visit, widget
from playwright.sync_api import expect

CHAPTER = "notebooks/02-tokenization.html"


def row(box, name):
    """The tokens of one tokenizer."""
    return box.get_by_label(name, exact=True).locator(".lmk-chip")


def begins(chips, texts):
    """Wait until the first of some tokens have these texts."""
    for place, text in enumerate(texts):
        expect(chips.nth(place)).to_have_text(text)


def test_playground_shows_the_units_sentence(page, served):
    box = widget(visit(page, served + CHAPTER), "tokenizer-playground")
    says(box, "16 characters: from 4 tokens (words) to 16 (characters)")
    expect(row(box, "SmolLM2")).to_have_text(["A", "ry", "a", "·is", "·amazing", "!"])
    expect(row(box, "MiniLM")).to_have_text(["arya", "is", "amazing", "!"])
    expect(row(box, "words")).to_have_text(["<unk>", "is", "<unk>", "!"])
    box.get_by_label("Show ids").check()
    expect(row(box, "MiniLM").nth(1)).to_have_text("is2003")


def test_playground_follows_typing_and_examples(page, served):
    box = widget(visit(page, served + CHAPTER), "tokenizer-playground")
    box.get_by_label("Example", exact=True).select_option(label="Emoji")
    says(box, "Not all of it is known to words, characters, WordPiece and MiniLM.")
    box.get_by_label("Text", exact=True).fill("the the <b>x</b>")
    says(box, "16 characters")
    begins(row(box, "words"), ["the", "the"])
    begins(row(box, "BPE"), ["the", "·the"])
    expect(row(box, "SmolLM2")).to_have_count(0)
    expect(box.get_by_label("Example", exact=True)).to_have_value("")
    expect(page.locator(".lmk-widget b")).to_have_count(0)
    box.get_by_label("Text", exact=True).fill("")
    says(box, "Type a text, or choose an example.")
    box.get_by_role("button", name="Back to the first example").click()
    says(box, "16 characters: from 4 tokens")


def test_text_is_not_lost_when_the_reader_is_quick(page, served):
    visit(page, served + CHAPTER)
    box = widget(page, "tokenizer-playground")
    field = box.get_by_label("Text", exact=True)
    field.click()
    field.press("End")
    page.keyboard.type(" Yes.")
    box.get_by_label("Show ids").click()
    says(box, "21 characters")
    expect(field).to_have_value("Arya is amazing! Yes.")
    box = widget(page, "bpe-trainer")
    box.get_by_label("Text to learn from").fill("banana")
    box.get_by_role("button", name="Merge ▸").click()
    says(box, "Merge 1 made “an”")


def test_playground_loads_the_real_vocabularies_when_asked(new_page, served):
    page, asked = new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    box = widget(visit(page, served + CHAPTER), "tokenizer-playground")
    assert not any("/vocab/" in url for url in asked)
    box.get_by_label("Text", exact=True).fill("  2 unbelievable transformational Evlerinizden")
    says(box, "46 characters")
    expect(row(box, "SmolLM2")).to_have_count(0)
    box.get_by_role("button", name=re.compile("Load their vocabularies")).click()
    says(box, "by their own vocabularies", "source")
    begins(row(box, "SmolLM2"), ["··", "2", "·unbelie", "vable", "·transformational", "·Ev"])
    begins(row(box, "MiniLM"), ["2", "unbelievable", "transformation", "##al"])


def test_playground_from_the_disk_says_what_it_cannot_do(page, site):
    box = widget(visit(page, f"{site.as_uri()}/{CHAPTER}"), "tokenizer-playground")
    says(box, "on a page opened from a disk no more can be loaded", "source")
    expect(box.get_by_role("button", name=re.compile("Load"))).to_have_count(0)


def test_vocabularies_that_do_not_come_are_told(page, complaints, served):
    page.route("**/vocab/*", lambda route: route.abort())
    box = widget(visit(page, served + CHAPTER), "tokenizer-playground")
    box.get_by_role("button", name=re.compile("Load their vocabularies")).click()
    says(box, "could not be loaded")
    begins(row(box, "SmolLM2"), ["A"])  # the view keeps what it had
    box.get_by_label("Example", exact=True).select_option(label="Emoji")
    says(box, "Not all of it is known to")
    complaints[:] = [text for text in complaints if "net::ERR_FAILED" not in text]


def test_trainer_steps_forth_and_back(page, served):
    box = widget(visit(page, served + CHAPTER), "bpe-trainer")
    says(box, "Merge 3 made “lo”")
    box.get_by_role("button", name="Merge").click()
    says(box, "Merge 4 made “low”: the text fell from 69 to 62 tokens.")
    expect(box.get_by_label(re.compile("^Tokens learned")).locator(".lmk-chip")).to_have_count(4)
    box.get_by_role("button", name="Back", exact=False).last.click()
    says(box, "Merge 3 made “lo”")
    box.get_by_label("Text to learn from").fill("banana")
    says(box, "The text has 6 tokens, each a byte.")
    box.get_by_role("button", name="Back to the first text").click()
    says(box, "The text has 94 tokens, each a byte.")
    expect(box.get_by_label("Text to learn from")).to_have_value(re.compile("^low low"))
    expect(box.get_by_role("button", name="◂ Back")).to_be_disabled()


def test_trainer_hides_what_the_reader_shall_guess(page, served):
    box = widget(visit(page, served + CHAPTER), "bpe-trainer")
    pairs = box.get_by_label("Pairs and how often they stand together")
    begins(pairs.locator(".lmk-chip"), ["lo", "w"])
    box.get_by_label("Show counts").uncheck()
    says(box, "69 tokens. Which pair stands together most often now?")
    expect(pairs.get_by_role("listitem")).to_have_count(0)
    box.get_by_role("button", name="Merge").click()
    says(box, "Merge 4 made “low”: the text fell from 69 to 62 tokens.")


def test_a_text_that_is_cut_is_told(page, served):
    visit(page, served + CHAPTER)
    for name, label in [("tokenizer-playground", "Text"), ("bpe-trainer", "Text to learn from")]:
        box = widget(page, name)
        field = box.get_by_label(label, exact=True)
        field.click()
        page.keyboard.press("Control+A")
        page.keyboard.insert_text("ab " * 1000)
        says(box, "The text may have 2000 characters: no more is taken.")
        expect(field).to_have_value(re.compile(r"^[\s\S]{2000}$"))


def test_trainer_by_keyboard_and_with_a_text_of_ones_own(page, served):
    box = widget(visit(page, served + CHAPTER), "bpe-trainer")
    box.get_by_label("Merges").focus()
    page.keyboard.press("End")
    says(box, "Every word is one token: nothing is left to merge.")
    page.keyboard.press("Home")
    says(box, "each a byte")
    box.get_by_label("Text to learn from").fill("é é é é")
    says(box, "stand together 4 times")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    says(box, "Merge 1 made “é”")
    box.get_by_label("More").click()
    box.get_by_role("button", name="Show as table").click()
    cells = box.get_by_role("row").nth(1).locator("th, td")
    expect(cells.nth(1)).to_have_text("\\xc3")
    expect(cells.nth(2)).to_have_text("\\xa9")


def test_downloads(page, served, tmp_path):
    visit(page, served + CHAPTER)
    for name, inside in [("tokenizer-playground", "SmolLM2,0,A,49"), ("bpe-trainer", "1,e,s,es,9")]:
        box = widget(page, name)
        assert inside in saved(page, box, "data", tmp_path / name)


def test_a_phone_holds_long_texts(new_page, served):
    page = visit(new_page(390, 844), served + CHAPTER)
    for name, label in [("tokenizer-playground", "Text"), ("bpe-trainer", "Text to learn from")]:
        widget(page, name).get_by_label(label, exact=True).fill("a" * 2000)
    box = widget(page, "bpe-trainer")
    says(box, "The text has 2000 tokens")
    box.get_by_label("Merges").press("End")
    says(box, "nothing is left to merge")
    fits(page)


def test_without_scripts_the_tokens_are_there(new_page, served):
    page = new_page(java_script_enabled=False)
    page.goto(served + CHAPTER)
    for text in ("A|ry|a| is| amazing|!", "Merges in order"):
        expect(page.locator("main")).to_contain_text(text)
