"""Questions are data that fits its schema; answers are never lost."""

import errno
import json
import multiprocessing
from pathlib import Path

import jsonschema
import pytest

from lmkit import questions
from lmkit.answers import AnswerFile, export, merged, parse, report, saved
from lmkit.widgets import SynthesisQuestion

ROOT = Path(__file__).parent.parent.parent
SHARED = json.loads((ROOT / "tests" / "data" / "answers.json").read_text("utf-8"))
CHAPTERS = sorted(questions.FOLDER.glob("[0-9]*.json"))


@pytest.mark.parametrize("file", CHAPTERS, ids=lambda file: file.stem)
def test_questions_fit_the_schema_and_stand_in_their_chapter(file):
    schema = json.loads((questions.FOLDER / "schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    chapter = json.loads(file.read_text("utf-8"))
    jsonschema.validate(chapter, schema, cls=jsonschema.Draft202012Validator)
    assert chapter["chapter"] == file.stem
    notebook = (ROOT / "notebooks" / f"{file.stem}.ipynb").read_text("utf-8")
    for question in chapter["questions"]:
        widget = "SynthesisQuestion" if question["kind"] == "synthesis" else "QuickCheck"
        assert f'{widget}(\\"{question["id"]}\\")' in notebook
        if "reasons" in question:
            assert len(question["reasons"]) == len(question["items"]) - 1


def test_ids_are_unique_in_the_book():
    ids = [q["id"] for file in CHAPTERS for q in json.loads(file.read_text("utf-8"))["questions"]]
    assert len(ids) == len(set(ids)) == len(questions.questions())


def test_unknown_question_names_those_there_are():
    with pytest.raises(ValueError, match="No question is called 'intro'; there are intro-"):
        questions.question("intro")


def test_rules_are_those_that_the_browser_has():
    for case in SHARED["saved"]:
        assert saved(case["old"], case["text"], case["ticks"], case["seen"]) == case["record"]
    for case in SHARED["merged"]:
        assert merged(case["old"], case["fresh"]) == case["record"]
    for case in SHARED["parsed"]:
        assert parse(case["file"]) == (case["found"], case["refused"])
    for case in SHARED["refused"]:
        with pytest.raises(ValueError, match=case["error"]):
            parse(case["file"])
    for case in SHARED["reports"]:
        assert report(case["found"], case["refused"]) == case["said"]
    for case in SHARED["exported"]:
        assert export(case["answers"]) == case["file"]


def test_hostile_files_are_refused_in_a_sentence():
    with pytest.raises(ValueError, match="larger than 5 MB"):
        parse(" " * 5_000_001)
    with pytest.raises(ValueError, match="not JSON"):
        parse("[" * 200_000)


def test_answers_survive_a_restart_and_an_unreadable_file(tmp_path):
    path = tmp_path / "answers.json"
    AnswerFile(path).save("intro-rules", "mine", [1], seen="")
    assert AnswerFile(path).read()["intro-rules"] == {"text": "mine", "ticks": [1], "kept": []}
    path.write_text("{ half a fi")
    AnswerFile(path).save("intro-rules", "again", [], seen="mine")
    assert AnswerFile(path).read()["intro-rules"]["text"] == "again"
    (aside,) = tmp_path.glob("answers-unreadable-*.json")
    assert aside.read_text() == "{ half a fi"


def _save_many(path, name):
    for k in range(20):
        AnswerFile(path).save(name, f"{name} {k}", [], seen=f"{name} {k - 1}" if k else "")


def test_two_processes_lose_nothing(tmp_path):
    path = tmp_path / "answers.json"
    context = multiprocessing.get_context("spawn")
    names = ["intro-likelihood", "intro-rules"]
    processes = [context.Process(target=_save_many, args=(path, name)) for name in names]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    answers = AnswerFile(path).read()
    assert {name: answers[name]["text"] for name in names} == {n: f"{n} 19" for n in names}


def test_a_full_disk_is_a_sentence_and_leaves_the_file(tmp_path, monkeypatch):
    path = tmp_path / "answers.json"
    question = SynthesisQuestion("intro-rules", path)
    save = {"kind": "answers.save", "ticks": [], "seen": ""}
    question.answer({**save, "text": "safe"})

    def full(*_args, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    with pytest.raises(ValueError, match=r"cannot be written \(No space left on device\)"):
        question.answer({**save, "text": "lost?", "seen": "safe"})
    assert AnswerFile(path).read()["intro-rules"]["text"] == "safe"
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".answers.json-")]


def test_the_widget_saves_exports_and_imports(tmp_path):
    one = SynthesisQuestion("intro-rules", tmp_path / "one.json")
    two = SynthesisQuestion("intro-rules", tmp_path / "two.json")
    one.answer({"kind": "answers.save", "text": "ünï <b>", "ticks": [0], "seen": ""})
    file = one.answer({"kind": "answers.all"})["text"]
    said = two.answer({"kind": "answers.merge", "text": file})["said"]
    assert said == "Loaded 1 answer; nothing was replaced."
    assert two.record["text"] == "ünï <b>"
    assert two.answer({"kind": "answers.read"})["record"] == two.record
    with pytest.raises(ValueError, match="knows no request of the kind 'nonsense'"):
        two.answer({"kind": "nonsense"})


def test_no_notebook_holds_what_a_student_wrote(tmp_path):
    question = SynthesisQuestion("intro-rules", tmp_path / "answers.json")
    question.answer({"kind": "answers.save", "text": "my secret", "ticks": [], "seen": ""})
    question.record = question.answer({"kind": "answers.read"})["record"]
    data, _ = question._repr_mimebundle_()
    assert "my secret" not in data["text/html"] and str(tmp_path) not in data["text/html"]
