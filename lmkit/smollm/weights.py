"""SmolLM2's weights: out of the GGUF file, converted once for all, mapped into memory."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lmkit import assets, gguf, given
from lmkit.tokenizers import BPETokenizer

from .net import Config, SmolLM

FORMAT = 1  # of the converted files; a new number makes new ones


def load(dtype: torch.dtype = torch.float32) -> SmolLM:
    """Load SmolLM2; the first time it is fetched, and its weights are converted, once for all.

    The converted file is memory-mapped, so that all processes share it; another dtype than float32
    makes a copy of one's own, and so does training, after `model.requires_grad_()`, of what it
    changes: the file stays as it is. Raises `lmkit.assets.AssetError`.
    """
    given.kind(dtype, "dtype", torch.dtype, "one of torch's, such as torch.bfloat16")
    source = assets.path("smollm2")
    pin = assets.ASSETS["smollm2"].files[source.name]
    folder = assets.materialise(f"smollm2-f32-{pin[:8]}-v{FORMAT}", lambda to: convert(source, to))
    saved = json.loads((folder / "model.json").read_bytes())
    with torch.device("meta"):  # no memory yet: the tensors are put in below
        model = SmolLM(Config(**saved["config"]), _tokenizer(saved))
    from safetensors.torch import load_file

    model.load_state_dict(load_file(folder / "model.safetensors"), assign=True)
    return model.requires_grad_(False).eval().to(dtype)


def _tokenizer(saved: dict[str, Any]) -> BPETokenizer:
    vocab = {token: i for i, token in enumerate(saved["tokens"])}
    merges = (tuple(pair.split(" ")) for pair in saved["merges"])
    return BPETokenizer(vocab, merges, saved["special"], split_digits=True)


def convert(source: Path, folder: Path) -> None:
    """Write a GGUF file's weights as model.safetensors, its sizes and vocabulary as model.json.

    Matrices are stored as (in, out), so that a layer is x @ w.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    metadata, tensors = gguf.read(source)
    config = read_config(metadata)
    tokens = metadata["tokenizer.ggml.tokens"]
    kinds = metadata["tokenizer.ggml.token_type"]
    saved = {
        "config": asdict(config),
        "tokens": tokens,
        "merges": metadata["tokenizer.ggml.merges"],
        "special": {
            t: i for i, (t, kind) in enumerate(zip(tokens, kinds, strict=True)) if kind == 3
        },
    }
    (folder / "model.json").write_text(json.dumps(saved, ensure_ascii=False), encoding="utf-8")
    try:
        save_file(read_weights(tensors, config), folder / "model.safetensors")
    except SafetensorError as error:  # is no OSError, though it tells of one: (os error 28)
        code = re.search(r"os error (\d+)", str(error))
        raise OSError(int(code[1]) if code else 0, str(error)) from error
    (folder / "model.safetensors").chmod(0o644)  # save_file makes it private


def read_config(metadata: Mapping[str, Any]) -> Config:
    """Take the sizes of a Llama out of a GGUF file's metadata."""
    return Config(
        n_layer=metadata["llama.block_count"],
        n_head=metadata["llama.attention.head_count"],
        n_kv_head=metadata["llama.attention.head_count_kv"],
        n_embd=metadata["llama.embedding_length"],
        n_hidden=metadata["llama.feed_forward_length"],
        vocab_size=metadata["llama.vocab_size"],
        n_context=metadata["llama.context_length"],
        rope_base=metadata["llama.rope.freq_base"],
        norm_eps=metadata["llama.attention.layer_norm_rms_epsilon"],
    )


def read_weights(tensors: Mapping[str, gguf.Array], c: Config) -> dict[str, Tensor]:
    """Give a GGUF file's tensors the names and shapes of `SmolLM`."""

    def matrix(*names: str) -> Tensor:
        """Join matrices (out, in) side by side into one (in, all out)."""
        return torch.cat([torch.tensor(tensors[f"{n}.weight"]) for n in names]).T.contiguous()

    def vector(name: str) -> Tensor:
        return torch.tensor(tensors[f"{name}.weight"])

    weights = {"unembed": matrix("token_embd"), "norm.weight": vector("output_norm")}
    for i in range(c.n_layer):
        ours, theirs = f"blocks.{i}", f"blk.{i}"
        qkv = matrix(*(f"{theirs}.attn_{part}" for part in "qkv"))
        weights |= {
            f"{ours}.attn_norm.weight": vector(f"{theirs}.attn_norm"),
            f"{ours}.attn.qkv": _unpermute(qkv, c),
            f"{ours}.attn.out": matrix(f"{theirs}.attn_output"),
            f"{ours}.mlp_norm.weight": vector(f"{theirs}.ffn_norm"),
            f"{ours}.mlp.gate_up": matrix(f"{theirs}.ffn_gate", f"{theirs}.ffn_up"),
            f"{ours}.mlp.down": matrix(f"{theirs}.ffn_down"),
        }
    return weights


def _unpermute(qkv: Tensor, c: Config) -> Tensor:
    """Undo llama.cpp's order within heads of q and k, where the pairs of RoPE are neighbours."""
    n_rotated = (c.n_head + c.n_kv_head) * c.head_dim
    heads = qkv[:, :n_rotated].view(c.n_embd, -1, c.head_dim // 2, 2)  # (D, H + G, d/2, 2)
    return torch.cat([heads.mT.reshape(c.n_embd, -1), qkv[:, n_rotated:]], dim=1)
