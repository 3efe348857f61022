"""lmkit.train and lmkit.checkpoints, on models small enough to check by hand."""

import io
import json
import math
import re
import signal
import sys

import nbformat
import pytest
import torch
from nbclient import NotebookClient
from safetensors.torch import save_file
from torch import nn

from lmkit import assets, checkpoints, progress
from lmkit.lm import Output
from lmkit.progress import History
from lmkit.tokenizers import CharTokenizer
from lmkit.train import adamw, bits_per_character, log_probs, rate, train, update
from lmkit.transformer import GPT, GPTConfig

TEXT = "the cat sat on the mat. the dog sat on the log. " * 20
TOKENIZER = CharTokenizer.train(TEXT, vocab_size=100)
IDS = torch.tensor(TOKENIZER.encode(TEXT))
BOOK = sorted(checkpoints.FOLDER.glob("*.safetensors"))


def small_gpt(seed=0, **changes):
    torch.manual_seed(seed)
    sizes = {"n_context": 8, "n_layer": 1, "n_head": 2, "n_embd": 16}
    return GPT(GPTConfig(TOKENIZER.n_vocab, **(sizes | changes)))


class Bigram(nn.Module):
    """No context limit, no config: any module will do."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(TOKENIZER.n_vocab, TOKENIZER.n_vocab)

    def forward(self, ids):
        return self.table(ids)


def short(model, **options):
    return train(model, IDS, **({"steps": 6, "batch_size": 4, "block_size": 8} | options))


def test_it_learns():
    history = short(small_gpt(), steps=150, warmup=10, learning_rate=1e-2)
    assert math.isclose(history.losses[0], math.log(TOKENIZER.n_vocab), rel_tol=0.05)
    assert history.losses[-1] < 1.6
    assert len(history.losses) == 150 and not history.stopped


def test_any_module_learns_the_frequencies_that_counting_gives():
    model = Bigram()
    train(model, IDS, steps=800, block_size=32, learning_rate=0.1, weight_decay=0.0)
    i, j = (TOKENIZER.vocab[c] for c in "th")
    count = TEXT.count("th") / TEXT.count("t")
    assert model.table.weight[i].softmax(-1)[j].item() == pytest.approx(count, abs=0.03)


class Within(Bigram):
    """The same in an `Output`, as SmolLM2 gives it."""

    def forward(self, ids):
        logits = super().forward(ids)
        return Output(logits, logits[None])


def test_a_model_that_gives_more_than_logits_is_trained_alike():
    torch.manual_seed(0)
    plain = Bigram()
    within = Within()
    within.load_state_dict(plain.state_dict())
    assert short(plain).losses == short(within).losses
    assert torch.equal(log_probs(plain, IDS), log_probs(within, IDS))


def test_the_seed_decides_what_is_seen():
    first, again, other = (short(small_gpt(), seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.losses != other.losses


def test_measuring_and_sampling_do_not_change_the_training():
    drawn = []

    def sample(model):
        drawn.append(torch.rand(3))
        assert not model.training
        return "text"

    plain, watched = small_gpt(), small_gpt()
    short(plain)
    history = short(watched, every=4, sample=sample, val_ids=IDS[:50])
    for a, b in zip(plain.parameters(), watched.parameters(), strict=True):
        assert torch.equal(a, b)
    assert [n for n, _ in history.val] == [4, 6] and history.samples == [(4, "text"), (6, "text")]


def test_rate_goes_up_in_a_line_and_down_along_a_cosine():
    rates = [rate(step, 2000, 100, 1e-3, 1e-4) for step in range(2001)]
    assert rates[0] == pytest.approx(1e-3 / 101) and rates[49] == pytest.approx(1e-3 * 50 / 101)
    assert rates[100] == 1e-3 and rates[2000] == pytest.approx(1e-4)
    assert rates[1050] == pytest.approx((1e-3 + 1e-4) / 2)
    # torch's own scheduler
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1e-3)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 1900, 1e-4)
    for want in rates[100:]:
        assert cosine.get_last_lr()[0] == pytest.approx(want, rel=1e-6)
        optimizer.step()
        cosine.step()


def test_only_matrices_decay():
    groups = adamw(small_gpt(bias=True), 1e-3, (0.9, 0.99), 0.1).param_groups
    decay = {p.dim(): group["weight_decay"] for group in groups for p in group["params"]}
    assert decay == {1: 0.0, 2: 0.1}


def test_a_step_is_adamw_of_the_paper_on_the_clipped_gradient():
    model, batch = Bigram().double(), IDS[None, :9]
    w = model.table.weight.detach().clone()
    logits = w[batch[0, :-1]]
    slope = torch.zeros_like(w)
    for row, i, j in zip(logits.softmax(-1), batch[0, :-1], batch[0, 1:], strict=True):
        slope[i] += row / 8
        slope[i, j] -= 1 / 8
    slope *= 0.05 / slope.norm()
    want = w * (1 - 0.01 * 0.1) - 0.01 * slope / (slope.abs() + 1e-8)
    update(model, batch, adamw(model, 0.01, (0.9, 0.99), 0.1), grad_clip=0.05)
    assert torch.allclose(model.table.weight, want, atol=1e-6)


@pytest.mark.parametrize("interrupt", ["raise", "signal"])
def test_an_interrupt_keeps_the_weights(interrupt, capsys):
    # a process that was started in the background may ignore the signal
    before_it = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        interrupted(interrupt, capsys)
    finally:
        signal.signal(signal.SIGINT, before_it)


def interrupted(interrupt, capsys):
    def sample(model):
        if interrupt == "raise":
            raise KeyboardInterrupt
        signal.raise_signal(signal.SIGINT)
        return ""

    model = small_gpt()
    before = [p.detach().clone() for p in model.parameters()]
    history = short(model, every=3, sample=sample)
    assert history.stopped and len(history.losses) == 3
    assert capsys.readouterr().out.startswith("Stopped after 3 of 6 steps, weights kept: loss ")
    assert any(not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert not model.training and torch.isfinite(log_probs(model, IDS[:20])).all()


def test_a_loss_that_is_no_number_stops_it():
    with pytest.raises(FloatingPointError, match=r"loss became (nan|inf).*smaller learning_rate"):
        short(small_gpt(), learning_rate=1e30, steps=50)


def test_a_model_that_blew_up_is_told_from_a_rate_that_is_too_high():
    model = small_gpt()
    with pytest.raises(FloatingPointError, match="smaller learning_rate"):
        short(model, learning_rate=1e30, steps=50)
    for _ in range(2):
        with pytest.raises(
            FloatingPointError, match=r"before the first step.*: make the model anew"
        ):
            short(model, learning_rate=1e-9)
    model = small_gpt()
    with torch.no_grad():
        model.embed.weight[0] = math.nan
    with pytest.raises(FloatingPointError, match="is nan before the first step"):
        short(model)


def test_what_cannot_learn_is_told():
    with pytest.raises(ValueError, match=r"is to be trained: call model\.requires_grad_\(\)"):
        short(small_gpt().requires_grad_(False))
    with pytest.raises(ValueError, match=r"is to be trained"):
        short(nn.Identity())
    with pytest.raises(ValueError, match="val_ids have fewer than two tokens"):
        short(small_gpt(), val_ids=IDS[:1])


@pytest.mark.parametrize(
    ("option", "value", "error", "right"),
    [
        ("batch_size", 0, ValueError, "a whole number, 1 or more, not 0"),
        ("block_size", 0, ValueError, "a whole number, 1 or more, not 0"),
        ("block_size", -1, ValueError, "a whole number, 1 or more, not -1"),
        ("every", 0, ValueError, "a whole number, 1 or more, not 0"),
        ("steps", -1, ValueError, "a whole number, 0 or more, not -1"),
        ("steps", "a", TypeError, "a whole number, 0 or more, not 'a'"),
        ("warmup", 2.5, TypeError, "a whole number, 0 or more, not 2.5"),
        ("learning_rate", "a", TypeError, "a number, 0 or more, not 'a'"),
        ("learning_rate", -1e-3, ValueError, "a number, 0 or more, not -0.001"),
        ("weight_decay", math.nan, ValueError, "a number, 0 or more, not nan"),
        ("grad_clip", None, TypeError, "a number, not None"),
        ("grad_clip", 0, ValueError, "a number above 0, not 0"),
        ("betas", 0.9, TypeError, "a pair of numbers, not 0.9"),
        ("betas", (0.9, 1), ValueError, "two numbers, 0 or more and below 1, not (0.9, 1)"),
        ("sample", "text", TypeError, "a function, not 'text'"),
    ],
)
def test_each_option_is_blamed_for_itself(option, value, error, right):
    model = small_gpt()
    before = model.embed.weight.clone()
    with pytest.raises(error) as told:
        short(model, **{option: value})
    assert str(told.value) == f"{option} must be {right}"
    assert torch.equal(model.embed.weight, before)


def test_a_text_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match="has 8 tokens, too few: a window takes 9"):
        train(small_gpt(), IDS[:8], steps=1, block_size=8)
    short(small_gpt(), steps=1)
    assert len(train(small_gpt(), IDS[:9], steps=1, block_size=8).losses) == 1


@pytest.mark.parametrize("ids", ["the cat", [0.5, 1.0], [[1, 2]], torch.rand(9), None])
def test_what_is_no_list_of_ids_is_a_sentence(ids):
    for measure in (train, bits_per_character):
        with pytest.raises(TypeError, match=r"as tokenizer.encode\(text\) gives them"):
            measure(small_gpt(), ids)


@pytest.mark.parametrize("n", [2, 5, 9, 10, 40])
def test_log_probs_give_each_token_all_the_context_that_fits(n):
    model = small_gpt().eval()
    for p in model.parameters():
        p.data *= 3  # so that context matters
    want = []
    for t in range(1, n):
        logits = model(IDS[None, max(0, t - 8) : t])[0, -1]
        want.append(logits.log_softmax(-1)[IDS[t]])
    assert torch.allclose(log_probs(model, IDS[:n]), torch.stack(want), atol=1e-5)


def test_a_longer_stride_gives_less_context_and_the_same_number_of_tokens():
    model = small_gpt().eval()
    assert len(log_probs(model, IDS[:31], stride=8)) == 30
    sides = torch.cat([log_probs(model, IDS[i : i + 9]) for i in (0, 8, 16)])
    assert torch.allclose(log_probs(model, IDS[:25], stride=8), sides, atol=1e-6)


def test_without_a_context_limit_the_text_is_read_once():
    model = Bigram()
    want = model.table.weight.log_softmax(-1)[IDS[:-1], IDS[1:]]
    assert torch.allclose(log_probs(model, IDS), want)


def test_bits_of_a_model_that_knows_nothing():
    model = Bigram()
    nn.init.zeros_(model.table.weight)
    assert bits_per_character(model, IDS[:30]) == pytest.approx(math.log2(TOKENIZER.n_vocab))
    with pytest.raises(ValueError, match="fewer than two tokens"):
        bits_per_character(model, IDS[:1])


def test_a_history_says_and_draws_what_it_saw():
    history = History(4, losses=[4.0, 3.0, 2.0, 1.0], val=[(2, 2.5), (4, 1.25)])
    assert str(history) == "4 steps: loss 4.00 → 1.00, validation 1.25 nats a token."
    assert history.smooth(2) == [(2, 3.5), (4, 1.5)]
    page = history._repr_mimebundle_()
    assert page["text/html"].count("<svg") == 1 and "validation" in page["text/html"]
    assert str(history) in page["text/plain"]
    assert str(History(4)) == History(4)._repr_mimebundle_()["text/plain"] == "No step was done."


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_shows_one_line_and_clears_it(monkeypatch):
    monkeypatch.setattr(sys, "stderr", screen := Terminal())
    monkeypatch.setattr(progress, "REFRESH", 0)
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    short(small_gpt())
    written = screen.getvalue()
    assert "\r\x1b[K[##########          ] 3 of 6 steps · " in written
    assert re.search(r" tokens/s · \d+:\d\d left · loss ", written)
    assert "\n" not in written and written.endswith("\r\x1b[K")


def test_progress_is_silent_where_nobody_looks(monkeypatch, capsys):
    monkeypatch.setattr(progress, "REFRESH", 0)
    short(small_gpt())
    monkeypatch.setattr(sys, "stderr", screen := Terminal())
    monkeypatch.setenv("TQDM_DISABLE", "1")
    short(small_gpt())
    assert capsys.readouterr() == ("", "") and screen.getvalue() == ""


UPDATE = "update_display_data"
CELL = """
import torch
from lmkit import progress, train
from lmkit.transformer import GPT, GPTConfig
progress.REFRESH = 0
torch.manual_seed(0)
torch.set_num_threads(1)
model = GPT(GPTConfig(5, n_context=8, n_layer=1, n_head=1, n_embd=8))
train.train(model, torch.arange(50) % 5, steps=5, block_size=8, sample=lambda m: "<b>a sample</b>")
"""


@pytest.mark.slow
@pytest.mark.parametrize("silent", ["1", "0"])
def test_a_notebook_keeps_nothing_of_the_clock(silent, monkeypatch, tmp_path):
    monkeypatch.setenv("TQDM_DISABLE", silent)
    runs, shown = [], []
    for _ in range(2):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL, id="a")])
        client = NotebookClient(
            notebook, record_timing=False, resources={"metadata": {"path": str(tmp_path)}}
        )
        keep = client.process_message
        client.process_message = lambda *of, keep=keep: shown.append(of[0]) or keep(*of)
        client.execute()
        runs.append(notebook.cells[0].outputs)
    assert runs[0] == runs[1]
    assert "5 steps: loss 1.6" in runs[0][-1]["data"]["text/plain"]
    assert "<svg" in runs[0][-1]["data"]["text/html"] and "tokens/s" not in json.dumps(runs[0])
    live = [message["content"] for message in shown if message["msg_type"] == UPDATE]
    live = [content["data"]["text/html"] for content in live]
    assert bool(live) == (silent == "0")
    if live:  # five steps, and its end, twice
        assert len(live) == 12 and live[5] == live[-1] == "" and "5 of 5 steps" in live[4]
        assert [o["data"] for o in runs[0][:-1]] == [{"text/plain": "", "text/html": ""}]


def test_a_checkpoint_gives_the_same_model(tmp_path):
    model, file = small_gpt(positions="sinusoidal", bias=True).eval(), tmp_path / "m.safetensors"
    checkpoints.save(file, model, TOKENIZER, steps=7)
    again, tokenizer = checkpoints.load(file)
    assert torch.equal(again(IDS[None, :8]), model(IDS[None, :8])) and not again.training
    assert again.config == model.config and tokenizer.vocab == TOKENIZER.vocab
    assert checkpoints.read_about(file)["steps"] == 7
    assert list(tmp_path.iterdir()) == [file]
    (plain := tmp_path / "plain").touch()  # others may read it, where they may read any file
    assert file.stat().st_mode == plain.stat().st_mode


def test_half_the_bytes_cost_next_to_nothing(tmp_path):
    model, file = small_gpt(n_embd=64), tmp_path / "m.safetensors"
    short(model, steps=50)
    checkpoints.save(file, model, TOKENIZER, torch.float16)
    again, _ = checkpoints.load(file)
    assert {p.dtype for p in again.parameters()} == {torch.float32}
    assert file.stat().st_size < 2.2 * sum(p.numel() for p in model.parameters()) + 3000
    assert bits_per_character(again, IDS) == pytest.approx(bits_per_character(model, IDS), abs=1e-3)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "m.safetensors"
    checkpoints.save(file, small_gpt(1), TOKENIZER)
    old = file.read_bytes()
    with pytest.raises(TypeError):
        checkpoints.save(file, small_gpt(2), TOKENIZER, note=object())
    monkeypatch.setattr(type(file), "replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        checkpoints.save(file, small_gpt(2), TOKENIZER)
    assert file.read_bytes() == old and list(tmp_path.iterdir()) == [file]


def broken(kind, file):
    checkpoints.save(file, small_gpt(), TOKENIZER)
    whole = file.read_bytes()
    about = checkpoints.read_about(file)
    tensors = {"weight": torch.zeros(2)}
    match kind:
        case "cut":
            file.write_bytes(whole[:-100])
        case "empty":
            file.write_bytes(b"")
        case "text":
            file.write_text("To be or not to be")
        case "foreign":
            save_file(tensors, file)
        case "other notes":
            save_file(tensors, file, {"lmkit": "no json"})
        case "a list":
            save_file(tensors, file, {"lmkit": "[1]"})
        case "unknown model":
            save_file(tensors, file, {"lmkit": json.dumps(about | {"model": "Mamba"})})
        case "other weights":
            save_file(tensors, file, {"lmkit": json.dumps(about)})
        case "no vocabulary":
            del about["vocab"]
            save_file(small_gpt().state_dict(), file, {"lmkit": json.dumps(about)})


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("cut", "is damaged, or not a safetensors file"),
        ("empty", "is damaged, or not a safetensors file"),
        ("text", "is damaged, or not a safetensors file"),
        ("foreign", "holds weights, but not of a model that lmkit saved"),
        ("other notes", "holds weights, but not of a model that lmkit saved"),
        ("a list", "holds weights, but not of a model that lmkit saved"),
        ("unknown model", "does not hold a model that this lmkit knows"),
        ("other weights", "does not hold a model that this lmkit knows"),
        ("no vocabulary", "does not hold a model that this lmkit knows"),
    ],
)
def test_what_is_no_checkpoint_is_said_in_a_sentence(kind, says, tmp_path):
    file = tmp_path / "m.safetensors"
    broken(kind, file)
    with pytest.raises(ValueError, match=f"m.safetensors {says}") as error:
        checkpoints.load(file)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["nowhere", "nowhere.safetensors", "."])
def test_a_missing_checkpoint_is_said(name):
    with pytest.raises(FileNotFoundError, match="there is no checkpoint at"):
        checkpoints.load(name)


def test_the_book_has_its_models():
    assert {file.stem for file in BOOK} >= {"gpt", "rnn", "lstm", "gru"}


@pytest.mark.slow
@pytest.mark.parametrize("file", BOOK, ids=lambda file: file.stem)
def test_the_books_own_models_reach_what_they_say(file):
    about = checkpoints.read_about(file.stem)
    model, tokenizer = checkpoints.load(file.stem)
    text = assets.path("shakespeare").read_text("utf-8")[-100_000:]
    ids = torch.tensor(tokenizer.encode(text))
    assert tokenizer.decode(ids) == text
    assert -log_probs(model, ids, stride=64).mean().item() == pytest.approx(
        about["held_out_loss"], abs=2e-3
    )
    assert sum(p.numel() for p in model.parameters()) == about["parameters"]
    assert file.stat().st_size < 4e6
