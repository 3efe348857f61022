"""all-MiniLM-L6-v2, a small BERT that looks both ways, in plain torch (chapter 3).

The encoder of Devlin et al. (2019) as Reimers and Gurevych (2019) trained it for sentences: 6
layers, 12 heads, 384 wide, WordPiece tokens between `[CLS]` and `[SEP]`.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import gelu, layer_norm, linear, normalize

from lmkit import assets
from lmkit.tokenizers import WordPiece

N_LAYER, N_HEAD = 6, 12
MAX_TOKENS = 512


@dataclass
class Output:
    """What the encoder gives for a text of T tokens, `[CLS]` and `[SEP]` among them.

    `hidden_states` (L + 1, T, D): the embeddings, then each layer's output; `attentions`
    (L, H, T, T).
    """

    tokens: list[str]
    hidden_states: Tensor
    attentions: Tensor

    @property
    def sentence(self) -> Tensor:
        """The sentence's vector (D,): the mean over its tokens, scaled to length 1."""
        return normalize(self.hidden_states[-1].mean(0), dim=0)


class MiniLM:
    """The encoder: `minilm.load()("a text")` gives an `Output`."""

    name = "MiniLM-L6"

    def __init__(self, weights: Mapping[str, Tensor], vocab: Mapping[str, int]) -> None:
        self.weights = weights
        self.tokenizer, self.vocab = WordPiece(vocab), vocab

    def __call__(self, text: str) -> Output:
        """Run a text; ValueError when it has more than 512 tokens."""
        tokens = ["[CLS]", *self.tokens(text), "[SEP]"]
        if len(tokens) > MAX_TOKENS:
            raise ValueError(f"the text has {len(tokens)} tokens; at most {MAX_TOKENS} fit")
        ids = torch.tensor([self.vocab[token] for token in tokens])
        return Output(tokens, *self.run(ids))

    def tokens(self, text: str) -> list[str]:
        """Split a text into BERT's tokens: words and marks in lower case, then WordPiece."""
        return self.tokenizer.tokens(self.tokenizer.encode(text))

    @torch.inference_mode()
    def run(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Give hidden states (L + 1, T, D) and attentions (L, H, T, T) of ids (T,)."""
        w = self.weights
        x = w["embeddings.word_embeddings.weight"][ids]  # (T, D)
        x = x + w["embeddings.position_embeddings.weight"][: len(ids)]
        x = self._norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        hidden, attentions = [x], []
        for layer in range(N_LAYER):
            x, attn = self._block(x, f"encoder.layer.{layer}")
            hidden.append(x)
            attentions.append(attn)
        return torch.stack(hidden), torch.stack(attentions)

    def _block(self, x: Tensor, at: str) -> tuple[Tensor, Tensor]:
        """Attend in both directions, then transform each token; add and norm after each."""
        q, k, v = (self._heads(x, f"{at}.attention.self.{n}") for n in ("query", "key", "value"))
        attn = (q @ k.mT / math.sqrt(q.shape[-1])).softmax(-1)  # (H, T, T), no mask
        mixed = (attn @ v).transpose(0, 1).flatten(1)  # (T, D)
        out = self._linear(mixed, f"{at}.attention.output.dense")
        x = self._norm(x + out, f"{at}.attention.output.LayerNorm")
        wide = gelu(self._linear(x, f"{at}.intermediate.dense"))  # (T, 4 D)
        out = self._linear(wide, f"{at}.output.dense")
        return self._norm(x + out, f"{at}.output.LayerNorm"), attn

    def _heads(self, x: Tensor, name: str) -> Tensor:
        return self._linear(x, name).view(len(x), N_HEAD, -1).transpose(0, 1)  # (H, T, D / H)

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _norm(self, x: Tensor, name: str) -> Tensor:
        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return layer_norm(x, x.shape[-1:], weight, bias, 1e-12)


def load() -> MiniLM:
    """Load the encoder and its vocabulary; raises `lmkit.assets.AssetError`."""
    from safetensors.torch import load_file

    folder = assets.path("minilm")
    vocab = json.loads((folder / "tokenizer.json").read_bytes())["model"]["vocab"]
    return MiniLM(load_file(folder / "model.safetensors"), vocab)
