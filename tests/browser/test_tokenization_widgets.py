"""The widgets of chapter 2 on the built page, driven by mouse and by keyboard."""

import re

from conftest import axe_violations, fits, says, visit, widget

CHAPTER = "notebooks/02-tokenization.html"


def row(box, name):
    return box.get_by_label(name, exact=True).locator(".lmk-chip").all_inner_texts()


def test_playground_shows_the_units_sentence(page, way):
    box = widget(visit(page, way + CHAPTER), "tokenizer-playground")
    says(box, "16 characters: from 4 tokens (words) to 16 (characters)")
    assert row(box, "SmolLM2") == ["A", "ry", "a", "·is", "·amazing", "!"]
    assert row(box, "MiniLM") == ["arya", "is", "amazing", "!"]
    assert row(box, "words") == ["<unk>", "is", "<unk>", "!"]
    box.get_by_label("Show ids").check()
    assert row(box, "MiniLM")[1] == "is2003"


def test_playground_follows_typing_and_examples(page, way):
    box = widget(visit(page, way + CHAPTER), "tokenizer-playground")
    box.get_by_label("Example", exact=True).select_option(label="Emoji")
    says(box, "Not all of it is known to words, characters, WordPiece and MiniLM.")
    box.get_by_label("Text", exact=True).fill("the the <b>x</b>")
    says(box, "16 characters")
    assert row(box, "words")[:2] == ["the", "the"]
    assert row(box, "BPE")[:2] == ["the", "·the"]
    assert row(box, "SmolLM2") == []
    assert box.get_by_label("Example", exact=True).input_value() == ""
    assert page.locator(".lmk-widget b").count() == 0
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
    assert field.input_value() == "Arya is amazing! Yes."
    box = widget(page, "bpe-trainer")
    box.get_by_label("Text to learn from").fill("banana")
    box.get_by_role("button", name="Merge ▸").click()
    says(box, "Merge 1 made “an”")


def test_playground_loads_the_real_vocabularies_when_asked(page, served):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    box = widget(visit(page, served + CHAPTER), "tokenizer-playground")
    assert not any("/vocab/" in url for url in asked)
    box.get_by_label("Text", exact=True).fill("  2 unbelievable transformational Evlerinizden")
    says(box, "46 characters")
    assert row(box, "SmolLM2") == []
    box.get_by_role("button", name=re.compile("Load their vocabularies")).click()
    says(box, "by their own vocabularies", "source")
    assert row(box, "SmolLM2")[:6] == ["··", "2", "·unbelie", "vable", "·transformational", "·Ev"]
    assert row(box, "MiniLM")[:4] == ["2", "unbelievable", "transformation", "##al"]


def test_playground_from_the_disk_says_what_it_cannot_do(page, site):
    box = widget(visit(page, f"{site.as_uri()}/{CHAPTER}"), "tokenizer-playground")
    says(box, "on a page opened from a disk no more can be loaded", "source")
    assert box.get_by_role("button", name=re.compile("Load")).count() == 0


def test_vocabularies_that_do_not_come_are_told(page, complaints, served):
    page.route("**/vocab/*", lambda route: route.abort())
    box = widget(visit(page, served + CHAPTER), "tokenizer-playground")
    box.get_by_role("button", name=re.compile("Load their vocabularies")).click()
    says(box, "could not be loaded")
    assert row(box, "SmolLM2")[0] == "A", "the view keeps what it had"
    box.get_by_label("Example", exact=True).select_option(label="Emoji")
    says(box, "Not all of it is known to")
    complaints[:] = [text for text in complaints if "net::ERR_FAILED" not in text]


def test_trainer_steps_forth_and_back(page, way):
    box = widget(visit(page, way + CHAPTER), "bpe-trainer")
    says(box, "Merge 3 made “lo”")
    box.get_by_role("button", name="Merge").click()
    says(box, "Merge 4 made “low”: the text fell from 69 to 62 tokens.")
    assert box.get_by_label(re.compile("^Tokens learned")).locator(".lmk-chip").count() == 4
    box.get_by_role("button", name="Back", exact=False).last.click()
    says(box, "Merge 3 made “lo”")
    box.get_by_label("Text to learn from").fill("banana")
    says(box, "The text has 6 tokens, each a byte.")
    box.get_by_role("button", name="Back to the first text").click()
    says(box, "The text has 94 tokens, each a byte.")
    assert box.get_by_label("Text to learn from").input_value().startswith("low low")
    assert box.get_by_role("button", name="◂ Back").is_disabled()


def test_trainer_hides_what_the_reader_shall_guess(page, served):
    box = widget(visit(page, served + CHAPTER), "bpe-trainer")
    pairs = box.get_by_label("Pairs and how often they stand together")
    assert pairs.locator(".lmk-chip").all_inner_texts()[:2] == ["lo", "w"]
    box.get_by_label("Show counts").uncheck()
    says(box, "69 tokens. Which pair stands together most often now?")
    assert pairs.get_by_role("listitem").count() == 0
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
        assert len(field.input_value()) == 2000


def test_trainer_by_keyboard_and_with_a_text_of_ones_own(page, way):
    box = widget(visit(page, way + CHAPTER), "bpe-trainer")
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
    assert box.get_by_role("row").nth(1).inner_text().split("\t")[1:3] == ["\\xc3", "\\xa9"]


def test_downloads(page, served, tmp_path):
    visit(page, served + CHAPTER)
    for name, inside in [("tokenizer-playground", "SmolLM2,0,A,49"), ("bpe-trainer", "1,e,s,es,9")]:
        box = widget(page, name)
        box.get_by_label("More").click()
        with page.expect_download() as download:
            box.get_by_role("button", name="Download data (CSV)").click()
        download.value.save_as(tmp_path / name)
        assert inside in (tmp_path / name).read_text("utf-8")


def test_nothing_is_wrong_for_axe_in_either_theme(new_page, served):
    for theme in ("light", "dark"):
        assert axe_violations(visit(new_page(theme=theme), served + CHAPTER)) == []


def test_the_chapter_fits_a_phone(new_page, served):
    page = visit(new_page(390, 844), served + CHAPTER)
    fits(page)
    for name, label in [("tokenizer-playground", "Text"), ("bpe-trainer", "Text to learn from")]:
        widget(page, name).get_by_label(label, exact=True).fill("a" * 2000)
    box = widget(page, "bpe-trainer")
    says(box, "The text has 2000 tokens")
    box.get_by_label("Merges").press("End")
    says(box, "nothing is left to merge")
    fits(page)


def test_without_scripts_the_tokens_are_there(new_page, way):
    page = new_page(java_script_enabled=False)
    page.goto(way + CHAPTER)
    text = page.locator("main").inner_text()
    assert "A|ry|a| is| amazing|!" in text
    assert "Merges in order" in text
