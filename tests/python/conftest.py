"""What several tests need, made once: the model, and its independent oracles."""

import inspect
import os
import re
from pathlib import Path
from typing import Any

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # an oracle must never ask a model hub
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # idle threads of torch leave the cores alone


LOADS = re.compile(r"smollm\.load|minilm\.load|checkpoints\.load\(name|smollm_digits\.py")
FETCHES = re.compile(r'assets\.path\("|smollm\.load|minilm\.load|load_glove\(')
# in the name of a test that goes through all models, or all that is public
NAMED = re.compile(
    r"\[.*\b(smollm|MiniLM|ContextualBank|assets\.path|gguf\.read|load_glove|read_\w+)"
)


def pytest_itemcollected(item):
    """A test that loads a model or words, itself or by a fixture, is slow."""
    fixtures = (found[-1].func for found in item._fixtureinfo.name2fixturedefs.values())
    ours = [one for one in fixtures if "pytest" not in one.__module__.split(".")[0]]
    fetches = any(FETCHES.search(inspect.getsource(one)) for one in ours)
    if fetches or NAMED.search(item.name) or LOADS.search(inspect.getsource(item.function)):
        item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def gguf_file() -> Path:
    from lmkit import assets

    return assets.path("smollm2")


@pytest.fixture(scope="session")
def model():
    from lmkit import smollm

    return smollm.load()


@pytest.fixture(scope="session")
def oracle(gguf_file: Path):
    """The same weights in transformers, read by its own code."""
    from transformers import LlamaConfig, LlamaForCausalLM
    from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

    # from_pretrained(gguf_file=…) does just this, but asks for the accelerate package
    config = load_gguf_checkpoint(gguf_file)["config"]
    llama = LlamaForCausalLM(LlamaConfig(**config, attn_implementation="eager"))
    weights = load_gguf_checkpoint(gguf_file, return_tensors=True, model_to_load=llama)["tensors"]
    missing, unexpected = llama.load_state_dict(weights, strict=False)
    assert (missing, unexpected) == (["lm_head.weight"], [])
    llama.tie_weights()
    return llama.eval()


@pytest.fixture(scope="session")
def oracle_gguf(gguf_file: Path):
    """The same file read by the `gguf` package."""
    from gguf import GGUFReader

    return GGUFReader(gguf_file)


@pytest.fixture(scope="session")
def oracle_metadata(oracle_gguf) -> dict[str, Any]:
    return {
        name: field.contents()
        for name, field in oracle_gguf.fields.items()
        if not name.startswith("GGUF.")
    }


@pytest.fixture(scope="session")
def oracle_tokenizer(oracle_metadata):
    """SmolLM2's tokenizer.json, put together from the `tokenizers` package's own parts."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    vocab = {token: i for i, token in enumerate(oracle_metadata["tokenizer.ggml.tokens"])}
    merges = [tuple(m.split(" ")) for m in oracle_metadata["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer
