"""In JupyterLab a widget reaches Python, Python moves the widget, and answers land in a file."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest

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
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), folder / "nb.ipynb")
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
    page = browser.new_page(viewport={"width": 1200, "height": 3000})
    page.foreign, page.errors = [], []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("request", lambda request: keep_foreign(page, request.url))
    page.goto(f"{lab[1]}/lab/tree/nb.ipynb?reset")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=120_000)
    page.get_by_title("Idle").or_(page.get_by_text("| Idle")).first.wait_for(timeout=120_000)
    for number in range(4):
        page.locator(".jp-Notebook .jp-Cell .cm-content").nth(number).click()
        page.keyboard.press("Shift+Enter")
    page.locator(".lmk-widget").nth(2).wait_for(timeout=120_000)
    yield page
    page.close()


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
    output.last.wait_for(timeout=60_000)
    return output.last.inner_text()


def test_a_click_reaches_python_and_python_moves_the_view(notebook):
    widget = figure(notebook, "What does the model expect next?")
    widget.get_by_label("Context").fill("The quick brown fox jumps")
    widget.get_by_label("Context").press("Enter")
    widget.get_by_role("button", name="Start again").click()
    widget.get_by_role("button", name="Append “over”").click(timeout=60_000)
    widget.locator(".lmk-chosen").wait_for(timeout=30_000)
    widget.locator(".lmk-source").get_by_text("computed now").wait_for(timeout=30_000)
    printed = run_cell(notebook, 4)
    assert "PY 'The quick brown fox jumps' [' over'] 1" in printed
    widget.get_by_label("Temperature").and_(
        notebook.locator("[aria-valuetext='temperature 0.5']")
    ).wait_for(timeout=30_000)


def test_any_context_is_answered_by_the_kernel(notebook):
    widget = figure(notebook, "What does the model expect next?")
    expected = run_cell(notebook, 5).strip().strip("'").strip()
    widget.get_by_role("button", name="Start again").click()
    box = widget.get_by_label("Context")
    box.fill("Once upon a")
    box.press("Enter")
    row = widget.get_by_role("button", name=f"Append “{expected}”")
    row.wait_for(timeout=30_000)
    box.fill("x" * 2001)
    box.press("Enter")
    widget.locator(".lmk-reading").get_by_text("here it may have 2,000").wait_for(timeout=30_000)
    assert row.is_disabled()


def test_any_sentence_is_measured_by_the_kernel(notebook):
    widget = figure(notebook, "How probable is this sentence, token by token?")
    box = widget.get_by_label("Sentence", exact=True)
    box.fill("Paris <b>is</b> 🦊 not Rome.")
    box.press("Enter")
    widget.locator(".lmk-source").get_by_text("computed now").wait_for(timeout=30_000)
    strip = widget.locator(".lmk-strip")
    assert strip.locator("b").count() == 0
    assert "<b>" in strip.inner_text().replace("\n", "")


def test_an_answer_lands_in_a_file_beside_the_notebook(notebook, lab):
    widget = figure(notebook, "A question to answer in your own words")
    widget.locator("textarea").fill("Rules are written, models are fitted. <i>ü</i>")
    widget.locator(".lmk-reading").get_by_text("Saved").wait_for(timeout=30_000)
    answers = json.loads((lab[0] / "answers.json").read_text("utf-8"))["answers"]
    assert answers["intro-rules"]["text"] == "Rules are written, models are fitted. <i>ü</i>"
    assert "answers.json" in widget.locator(".lmk-source").inner_text()


def test_nothing_is_asked_of_another_host(notebook):
    assert notebook.foreign == []
    assert notebook.errors == []
