"""all-MiniLM-L6-v2, a small BERT that looks both ways, in plain torch (chapter 3).

The encoder of Devlin et al. (2019) as Reimers and Gurevych (2019) trained it for sentences: 6
layers, 12 heads, 384 wide, WordPiece tokens between `[CLS]` and `[SEP]`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import gelu, layer_norm, linear, normalize

from lmkit import assets

N_LAYER, N_HEAD = 6, 12
MAX_TOKENS = 512


@dataclass
class Output:
    """What the encoder gives for a text of T tokens, `[CLS]` and `[SEP]` among them.

    `hidden_states` (L + 1, T, D): the embeddings, then each layer's output; `attentions`
    (L, H, T, T); `words` has for each token the place in the text that it covers.
    """

    tokens: list[str]
    spans: list[tuple[int, int]]
    hidden_states: Tensor
    attentions: Tensor

    @property
    def sentence(self) -> Tensor:
        """The sentence's vector (D,): the mean over its tokens, scaled to length 1."""
        return normalize(self.hidden_states[-1].mean(0), dim=0)


class MiniLM:
    """The encoder: `minilm.load()("a text")` gives an `Output`."""

    name = "MiniLM-L6"

    def __init__(self, weights: Mapping[str, Tensor], tokenizer: object) -> None:
        self.weights = weights
        self.tokenizer = tokenizer

    @torch.inference_mode()
    def __call__(self, text: str) -> Output:
        encoding = self.tokenizer.encode(text)  # type: ignore[attr-defined]
        if len(encoding.ids) > MAX_TOKENS:
            raise ValueError(f"the text has {len(encoding.ids)} tokens; at most {MAX_TOKENS} fit")
        hidden, attentions = self.run(torch.tensor(encoding.ids))
        return Output(encoding.tokens, encoding.offsets, hidden, attentions)

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
    """Load the encoder and its tokenizer; raises `lmkit.assets.AssetError`."""
    from safetensors.torch import load_file
    from tokenizers import Tokenizer

    folder = assets.path("minilm")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return MiniLM(load_file(folder / "model.safetensors"), tokenizer)
