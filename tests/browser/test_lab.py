"""In JupyterLab a widget reaches Python, Python moves the widget, and answers land in a file."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest
from conftest import PATIENCE, says
from playwright.sync_api import expect

from lmkit import questions

pytestmark = pytest.mark.xdist_group("lab")

CELLS = [
    "from lmkit import smollm\n"
    "from lmkit.widgets import ChainRule, NextToken, SynthesisQuestion\n"
    "lm = smollm.load()",
    'w = NextToken(lm, "The quick brown fox jumps", depth=1)\nw',
    'ChainRule(lm, "The quick brown fox jumps")',
    'SynthesisQuestion("intro-rules")',
    'print("PY", repr(w.text), [t["t"] for t in w.path], w.temperature)\nw.temperature = 0.5',
    'lm.next_token("Once upon a")[0][0]',
]
SHOW = """
from lmkit import assets, embeddings, minilm, smollm
from lmkit.tokenizers import WordPiece
from lmkit.widgets import *
import json
lm, bert, glove = smollm.load(), minilm.load(), embeddings.load_glove(50_000)
piece = WordPiece.load(assets.path("minilm") / "tokenizer.json")
plays = assets.path("shakespeare").read_text("utf-8")[:20_000]
cut = TokenizerPlayground(plays, lm.tokenizer, piece, ("A", "Arya is amazing!"), vocab_size=400)
train = BPETrainer("low low lower lowest newest widest")
total = EmbeddingArithmetic(glove)
places = EmbeddingMap(glove)
bank = ContextualBank(glove, bert, lm, ["The bank lends.", "The river has a bank."], "bank")
soft = SoftmaxExplorer()
writes = Generate(lm, "The quick brown fox", length=3)
last = dict(label="end token", layer=7, head=8, score=0.5)
looks = AttentionMap(lm, "The cat sat.", heads=[last])
import torch
states = {"RNN": {"h": torch.linspace(-1, 1, 12).view(3, 4)}}
unroll, flow = RecurrentUnroll(["The", " sun", " is"], states), GradientFlow()
steps, waves = AttentionSteps(), PositionalEncoding()
many = MultiHead(lm, "The cat sat.", layer=19)
display(cut, train, total, places, bank, soft, QuickCheck("sequence-check-shift"), writes, looks)
display(unroll, flow, steps, waves, many)
"""
SEEN = """
expected = lm.next_token("Two and two make")[0][0]
print(json.dumps(dict(
    cut=[cut.text, cut.ids], train=train.step, total=total.text, bank=bank.added,
    places=[places.around, places.word], soft=soft.temperature, writes=[writes.text, expected],
    looks=[looks.layer, looks.head, looks.text, looks.off],
    unroll=unroll.step, flow=flow.length, steps=[steps.causal, steps.chosen, steps.x[4]],
    waves=waves.view, many=[many.text, many.layer, many.head])))
"""
MOVE = """
cut.text = "Python speaks"
train.step = 3
total.exclude = False
places.shown, places.around, places.word = ["verbs"], "", "went"
bank.which = 2
soft.logits, soft.temperature = [0.0, 0.0, 0.0], 1
writes.text = "Once upon a time"
looks.layer, looks.head, looks.lines, looks.off = 5, -1, True, False
unroll.step, flow.radius, waves.position, many.token, many.head = 0, 3.0, 20, 1, -1
steps.chosen = ["scores", 2, 1]
print("moved")
"""
OPTIONS = {
    "ServerApp.token": "",
    "IdentityProvider.token": "",
    "ServerApp.password": "",
    "LabApp.news_url": "",
    "LabApp.check_for_updates_class": "jupyterlab.handlers.announcements.NeverCheckForUpdate",
    "LabApp.extension_manager": "readonly",
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Serve a folder with one notebook; yields the folder and the server's address."""
    folder = tmp_path_factory.mktemp("lab")
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    for name, sources in {"nb": CELLS, "all": [SHOW, SEEN, MOVE]}.items():
        cells = [nbformat.v4.new_code_cell(source.strip()) for source in sources]
        written = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
        nbformat.write(written, folder / f"{name}.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [f"--{key}={value}" for key, value in OPTIONS.items()]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", *options]
    command += ["--ip=127.0.0.1", f"--port={port}", f"--ServerApp.root_dir={folder}"]
    home = {"JUPYTER_CONFIG_DIR": str(folder / ".config"), "IPYTHONDIR": str(folder / ".ipython")}
    log = (folder / "lab.log").open("w")
    process = subprocess.Popen(command, env={**os.environ, **home}, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}/api", process, folder / "lab.log")
        yield folder, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def wait_for(url, process, log):
    for _ in range(240):
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"JupyterLab did not start: {log.read_text()}")


@pytest.fixture(scope="module")
def notebook(lab, browser):
    """Open the notebook and run its first four cells; yields the page."""
    page = opened(browser, lab, "nb", 3000)
    for number in range(4):
        page.locator(".jp-Notebook .jp-Cell .cm-content").nth(number).click()
        page.keyboard.press("Shift+Enter")
    page.locator(".lmk-widget").nth(2).wait_for(timeout=180_000)
    yield page
    page.close()


@pytest.fixture(scope="module")
def all_widgets(lab, browser):
    """Open a notebook that shows every other widget, and run its first cell; yields the page."""
    page = opened(browser, lab, "all", 9000)
    page.locator(".jp-Notebook .jp-Cell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    page.locator(".lmk-widget").nth(8).wait_for(timeout=180_000)
    yield page
    page.close()


def opened(browser, lab, name, height):
    """A page with a notebook whose kernel is idle, as tall as all of its widgets."""
    page = browser.new_page(viewport={"width": 1200, "height": height})
    page.set_default_timeout(PATIENCE)
    page.foreign, page.errors = [], []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("request", lambda request: keep_foreign(page, request.url))
    page.goto(f"{lab[1]}/lab/tree/{name}.ipynb?reset")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=180_000)
    page.get_by_title("Idle").or_(page.get_by_text("| Idle")).first.wait_for(timeout=180_000)
    return page


def figure(page, title):
    """A widget by its title; the window is tall, for JupyterLab detaches what is out of sight."""
    return page.get_by_role("group", name=title, exact=True)


def keep_foreign(page, url):
    if not url.startswith(("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:")):
        page.foreign.append(url)


def run_cell(page, number):
    """Run a cell by its number and return what it printed."""
    cell = page.locator(".jp-Notebook .jp-Cell").nth(number)
    cell.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    output = cell.locator(".jp-OutputArea-output")
    output.last.wait_for()
    expect(cell.locator(".jp-InputPrompt")).to_have_text(re.compile(r"\[\d+\]"))
    return output.last.inner_text()


def answer(lab, name):
    """The text of an answer, once it is in the file beside the notebook."""
    file, end = lab[0] / "answers.json", time.monotonic() + PATIENCE / 1000
    while time.monotonic() < end:
        if file.exists() and name in (stored := json.loads(file.read_text("utf-8"))["answers"]):
            return stored[name]["text"]
        time.sleep(0.1)
    raise AssertionError(f"{name} is not in {file}")


def test_a_click_reaches_python_and_python_moves_the_view(notebook):
    widget = figure(notebook, "What does the model expect next?")
    widget.get_by_label("Context").fill("The quick brown fox jumps")
    widget.get_by_label("Context").press("Enter")
    widget.get_by_role("button", name="Start again").click()
    widget.get_by_role("button", name="Append “over”").click()
    widget.locator(".lmk-chosen").wait_for()
    widget.locator(".lmk-source").get_by_text("computed now").wait_for()
    printed = run_cell(notebook, 4)
    assert "PY 'The quick brown fox jumps' [' over'] 1" in printed
    widget.get_by_label("Temperature").and_(
        notebook.locator("[aria-valuetext='temperature 0.5']")
    ).wait_for()


def test_any_context_is_answered_by_the_kernel(notebook):
    widget = figure(notebook, "What does the model expect next?")
    expected = run_cell(notebook, 5).strip().strip("'").strip()
    widget.get_by_role("button", name="Start again").click()
    box = widget.get_by_label("Context")
    box.fill("Once upon a")
    box.press("Enter")
    row = widget.get_by_role("button", name=f"Append “{expected}”")
    row.wait_for()
    box.fill("x" * 2001)
    box.press("Enter")
    widget.locator(".lmk-reading").get_by_text("here it may have 2,000").wait_for()
    expect(row).to_be_disabled()


def test_any_sentence_is_measured_by_the_kernel(notebook):
    widget = figure(notebook, "How probable is this sentence, token by token?")
    box = widget.get_by_label("Sentence", exact=True)
    box.fill("Paris <b>is</b> 🦊 not Rome.")
    box.press("Enter")
    widget.locator(".lmk-source").get_by_text("computed now").wait_for()
    strip = widget.locator(".lmk-strip")
    expect(strip.locator("b")).to_have_count(0)
    expect(strip).to_contain_text("<b>")


def test_an_answer_lands_in_a_file_beside_the_notebook(notebook, lab):
    widget = figure(notebook, questions.question("intro-rules")["question"])
    widget.locator("textarea").fill("Rules are written, models are fitted. <i>ü</i>")
    widget.locator(".lmk-reading").get_by_text("Saved").wait_for()
    assert answer(lab, "intro-rules") == "Rules are written, models are fitted. <i>ü</i>"
    expect(widget.locator(".lmk-source")).to_contain_text("answers.json")


def test_nothing_is_asked_of_another_host(notebook):
    assert notebook.foreign == []
    assert notebook.errors == []


TITLES = {
    "cut": "How is this text cut?",
    "train": "Which pair is merged next?",
    "total": "Which word is nearest to the sum?",
    "places": "Which words lie together?",
    "bank": "Does “bank” have one vector?",
    "soft": "How do scores become probabilities?",
    "check": questions.question("sequence-check-shift")["question"],
    "writes": "How does the model write?",
    "looks": "Which tokens does each token look at?",
    "unroll": "What does a recurrent network carry from token to token?",
    "flow": "How much of a gradient arrives many steps earlier?",
    "steps": "How does one head compute what a token takes from the others?",
    "waves": "How can a vector say where a token stands?",
    "many": "What does each head of a layer take, and from where?",
}


def type_in(box, label, text):
    field = box.get_by_label(label, exact=True)
    field.fill(text)
    field.press("Enter")


def test_every_widget_reacts_reaches_python_and_is_moved_by_it(all_widgets, lab):
    page = all_widgets
    box = {name: figure(page, title) for name, title in TITLES.items()}

    # what a reader does, and what each figure answers; words and tokens come from the kernel
    box["cut"].get_by_label("Text", exact=True).fill("unbelievable 🦊")
    box["cut"].get_by_label("Show ids").check()
    box["cut"].get_by_label("SmolLM2").locator(".lmk-chip").nth(3).wait_for()
    box["train"].get_by_role("button", name="Merge ▸").click()
    says(box["train"], "Merge 1 made “lo”")
    type_in(box["total"], "Sum", "walked - walk + swim")
    says(box["total"], "“swam” is nearest")
    says(box["total"], "computed now", "source")
    type_in(box["places"], "Find a word", "bank")
    says(box["places"], "nearest in all 50 dimensions banks")
    type_in(box["bank"], "Your sentence", "The blood bank is open.")
    says(box["bank"], "computed now", "source")
    expect(box["bank"].locator(".lmk-sentence")).to_have_count(3)
    box["soft"].get_by_label("Temperature").press("Home")
    says(box["soft"], "takes everything")
    box["check"].get_by_label("Nothing.").check()
    box["check"].get_by_role("button", name="Check").click()
    says(box["check"], "Right.")
    type_in(box["writes"], "Prompt", "Two and two make")
    box["writes"].get_by_role("button", name="One token").click()
    says(box["writes"], "1 token")
    written = box["writes"].locator(".lmk-written").inner_text()
    type_in(box["looks"], "Text", "The dog slept.")
    box["looks"].get_by_label("Layer").select_option("3")
    box["looks"].get_by_label("Head", exact=True).select_option("2")
    says(box["looks"], "computed now", "source")
    box["looks"].get_by_label("Switch this head off").check()
    says(box["looks"], "Without layer 3, head 2, “")
    expect(box["looks"].locator(".lmk-effect tbody tr").nth(4)).to_be_visible()
    box["looks"].get_by_role("button", name="end token 0.50").click()
    says(box["looks"], "Without layer 7, head 8, “")
    box["unroll"].get_by_role("button", name="A step back").click()
    says(box["unroll"], "Step 2 of 3")
    box["flow"].get_by_label("Steps", exact=True).press("End")
    says(box["flow"], "100 steps earlier")
    box["steps"].get_by_label("Causal mask").uncheck()
    box["steps"].get_by_label("X, mat, column 1").fill("0")
    says(box["steps"], "Entry 1 of the vector of “mat” is 0.")
    box["waves"].get_by_label("Show", exact=True).select_option("distance")
    says(box["waves"], "PE(10) · PE(13)")
    type_in(box["many"], "Text", "A dog <b>barks</b>.")
    says(box["many"], "computed now", "source")
    box["many"].get_by_label("Layer", exact=True).fill("3")
    box["many"].get_by_role("button", name="head 2").click()
    says(box["many"], "Head 2 takes for")

    seen = json.loads(run_cell(page, 1))
    prompt, expected = seen.pop("writes")
    assert prompt == "Two and two make"
    assert "".join(written.split()).endswith("make" + expected.strip())
    assert seen == {
        "cut": ["unbelievable 🦊", True],
        "train": 1,
        "total": "walked - walk + swim",
        "places": ["bank", "bank"],
        "bank": ["The blood bank is open."],
        "soft": 0,
        "looks": [7, 8, "The dog slept.", True],
        "unroll": 1,
        "flow": 100,
        "steps": [False, ["x", 4, 0], [0, 0, 0]],
        "waves": "distance",
        "many": ["A dog <b>barks</b>.", 3, 2],
    }
    assert answer(lab, "sequence-check-shift") == "0"

    assert run_cell(page, 2).strip() == "moved"
    assert_moved(box)
    assert page.foreign == [] and page.errors == []


def test_a_figure_fills_the_screen_and_gives_its_picture(all_widgets, tmp_path):
    page = all_widgets
    box = figure(page, TITLES["soft"])
    said = box.locator(".lmk-reading").inner_text()
    box.get_by_role("button", name="Full screen").press("Enter")
    box.locator("button[aria-label='Full screen'][aria-pressed=true]").wait_for()
    assert page.evaluate("document.fullscreenElement.classList.contains('lmk-stage')")
    assert page.locator("#jp-top-panel").evaluate("panel => panel.closest('[inert]') !== null")
    page.keyboard.press("Escape")
    box.locator("button[aria-label='Full screen'][aria-pressed=false]").wait_for()
    expect(page.locator("[inert]")).to_have_count(0)
    expect(box.locator(".lmk-reading")).to_have_text(said)
    box.get_by_label("More").click()
    with page.expect_download() as download:
        box.get_by_role("button", name="Download picture (PNG)").click()
    assert download.value.path().read_bytes().startswith(b"\x89PNG")
    assert page.foreign == [] and page.errors == []


def assert_moved(box):
    """Every figure shows what Python gave to it."""
    says(box["cut"], "13 characters")
    expect(box["cut"].get_by_label("Text", exact=True)).to_have_value("Python speaks")
    says(box["train"], "Merge 3 made")
    expect(box["total"].get_by_label("Leave the inputs out")).not_to_be_checked()
    says(box["places"], "“went”: nearest on the map")
    expect(box["places"].get_by_label("verbs")).to_be_checked()
    says(box["bank"], "All 3 vectors are equal")
    says(box["soft"], "33.3 %")
    says(box["writes"], "Nothing is written yet")
    expect(box["writes"].locator(".lmk-written")).to_contain_text("Once upon a time")
    says(box["looks"], "Layer 5, mean over heads")
    expect(box["looks"].locator(".lmk-pair")).to_be_visible()
    expect(box["looks"].locator(".lmk-effect")).to_have_count(0)
    says(box["unroll"], "Step 1 of 3")
    says(box["flow"], "explodes in the RNN")
    says(box["steps"], "How well the key of “cat” answers the query of “sat”")
    says(box["waves"], "PE(20) · PE(23)")
    says(box["many"], "For “A” ")
    expect(box["many"].locator("b")).to_have_count(0)
