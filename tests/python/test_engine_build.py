"""The committed lm.wasm is what the committed lm.c compiles to, byte for byte."""

from tools import engine


def test_the_wasm_is_what_its_source_compiles_to(capsys):
    assert engine.main(["check"]) in (0, None), capsys.readouterr().err


def test_another_wasm_is_noticed(tmp_path, monkeypatch):
    for name in ("lm.c", "lm.wasm"):
        (tmp_path / name).write_bytes((engine.ENGINE / name).read_bytes())
    (tmp_path / "lm.wasm").write_bytes((tmp_path / "lm.wasm").read_bytes() + b"\0")
    monkeypatch.setattr(engine, "ENGINE", tmp_path)
    assert engine.main(["check"]) == 1
