"""A transformer in the shape of GPT-2 (Radford et al. 2019), small enough to train (chapter 6).

    model = GPT(GPTConfig(vocab_size=80))
    logits = model(ids)                       # (B, T) -> (B, T, V)
    model.generate_ids(ids[0], 200)           # an iterator over new ids

Shapes: B texts at once, T tokens now, S tokens seen so far (T and those in the cache), D = n_embd
numbers a token, H = n_head heads of d = D / H numbers each, V tokens in the vocabulary, L layers.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, linear, scaled_dot_product_attention

from lmkit import given
from lmkit.lm import LanguageModel, Output, as_ids, batch, heads_of

POSITIONS = ("learned", "sinusoidal", "none")


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mix values by how well their keys fit a query: softmax(QKᵀ/√d)V (Vaswani et al. 2017, eq. 1).

    q (…, T, d), k (…, S, d), v (…, S, e) give the result (…, T, e) and the weights (…, T, S), whose
    rows sum to 1. The mask (T, S), or any shape that fits the weights, is True where a query may
    look. Raises TypeError for a mask that is not of booleans, ValueError for shapes that do not
    fit.

    >>> x = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> attention(x, x, x, causal_mask(2, 2))[1]
    tensor([[1.0000, 0.0000],
            [0.3302, 0.6698]])
    """
    for name, x in (("q", q), ("k", k), ("v", v)):
        if given.kind(x, name, Tensor, "a tensor (…, tokens, columns)").dim() < 2:
            raise ValueError(f"{name} must be (…, tokens, columns), not {tuple(x.shape)}")
    if q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2]:
        raise ValueError(
            "q and k must have equally many columns, k and v equally many rows; "
            f"q is {tuple(q.shape)}, k {tuple(k.shape)}, v {tuple(v.shape)}"
        )
    scores = q @ k.mT / math.sqrt(q.shape[-1])  # (…, T, S)
    if mask is not None:
        if getattr(mask, "dtype", None) != torch.bool:
            raise TypeError("mask must hold booleans: True where a query may look at a key")
        scores = scores.masked_fill(~mask, -torch.inf)
    weights = scores.softmax(-1)
    return weights @ v, weights


def causal_mask(n_new: int, n_seen: int) -> Tensor:
    """Tell which of S tokens each of the last T may look at: (T, S), True up to itself.

    >>> causal_mask(2, 3)
    tensor([[ True,  True, False],
            [ True,  True,  True]])
    """
    given.whole(n_new, "n_new", least=0)
    given.whole(n_seen, "n_seen", least=0)
    return torch.ones(n_new, n_seen, dtype=torch.bool).tril(n_seen - n_new)


def sinusoidal(n: int, d: int, base: float = 10_000.0) -> Tensor:
    """Give the position encodings (n, d) of Vaswani et al. (2017), section 3.5.

    Columns 2i and 2i + 1 hold the sine and the cosine of position / base^(2i/d). Raises ValueError
    for an odd d.

    >>> sinusoidal(2, 4)
    tensor([[0.0000, 1.0000, 0.0000, 1.0000],
            [0.8415, 0.5403, 0.0100, 0.9999]])
    """
    given.whole(n, "n", least=0)
    given.above(base, "base")
    if given.whole(d, "d") < 2 or d % 2:
        raise ValueError(f"d must be even, since sines and cosines come in pairs, not {d}")
    speed = base ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)  # (d/2,)
    angle = torch.arange(n, dtype=torch.float64)[:, None] * speed  # (n, d/2)
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(1).float()


class KVCache:
    """Keys and values of the tokens seen so far, so that only new tokens must be computed.

    The memory is taken beforehand and doubled when it is full, so adding a token copies nothing.
    """

    def __init__(self) -> None:
        self.n_seen = 0
        self._layers: dict[int, Tensor] = {}  # each (2, …, capacity, d): keys, values

    def add(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Add k and v (…, T, d) of new tokens; give those of all tokens so far (…, S, d)."""
        start, end = self.n_seen, self.n_seen + k.shape[-2]
        store = self._layers.get(layer)
        if store is None or end > store.shape[-2]:
            grown = k.new_empty(2, *k.shape[:-2], 2 * end, k.shape[-1])
            if store is not None:
                grown[..., :start, :] = store[..., :start, :]
            store = self._layers[layer] = grown
        store[0, ..., start:end, :], store[1, ..., start:end, :] = k, v
        return store[0, ..., :end, :], store[1, ..., :end, :]


class MultiHeadAttention(nn.Module):
    """Several attentions side by side, joined by a matrix (Vaswani et al. 2017, section 3.2.2).

    Each head has its own d = n_embd / n_head columns of the query, key and value matrices. With
    `causal` no token looks at a later one. Raises ValueError when the heads do not divide n_embd.
    """

    def __init__(self, n_embd: int, n_head: int, causal: bool = True, bias: bool = True) -> None:
        super().__init__()
        if given.whole(n_embd, "n_embd", least=1) % given.whole(n_head, "n_head", least=1):
            raise ValueError(
                f"n_embd must be a multiple of n_head; {n_embd} is not one of {n_head}"
            )
        self.n_head, self.causal = n_head, causal
        self.qkv = nn.Linear(n_embd, 3 * n_embd, bias)  # the heads' matrices, side by side
        self.out = nn.Linear(n_embd, n_embd, bias)

    def forward(self, x: Tensor, layer: int = 0, cache: KVCache | None = None) -> Tensor:
        """Take x (B, T, D), after the tokens in the cache, and give the same shape.

        Torch's own kernel computes it, which never holds the weights; `weights` gives them.
        """
        q, k, v = self.heads(x)
        if cache is not None:
            k, v = cache.add(layer, k, v)  # (B, H, S, d)
        n_new, n_seen = q.shape[-2], k.shape[-2]
        # one new token may look at all; a square mask is one that the kernel knows by itself
        part = self.causal and 1 < n_new < n_seen
        mask = causal_mask(n_new, n_seen).to(x.device) if part else None
        y = scaled_dot_product_attention(
            q, k, v, attn_mask=mask, is_causal=self.causal and n_new == n_seen
        )
        return self.out(y.transpose(1, 2).reshape(x.shape))  # heads side by side again

    def heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Project x (B, T, D) to the queries, keys and values of all heads, (B, H, T, d) each."""

        def split(part: Tensor) -> Tensor:
            return part.unflatten(-1, (self.n_head, -1)).transpose(1, 2)

        q, k, v = self.qkv(x).chunk(3, dim=-1)  # (B, T, D) each
        return split(q), split(k), split(v)

    def weights(self, x: Tensor) -> Tensor:
        """Give the attention weights (B, H, T, T) of x (B, T, D), by `attention`."""
        n = x.shape[-2]
        return attention(*self.heads(x), causal_mask(n, n) if self.causal else None)[1]


class MLP(nn.Module):
    """Transform each token by itself: four times wider, GELU (Hendrycks & Gimpel 2016), back."""

    def __init__(self, n_embd: int, bias: bool = True) -> None:
        super().__init__()
        given.whole(n_embd, "n_embd", least=1)
        self.up = nn.Linear(n_embd, 4 * n_embd, bias)
        self.down = nn.Linear(4 * n_embd, n_embd, bias)

    def forward(self, x: Tensor) -> Tensor:
        """Take x (B, T, D) and give the same shape."""
        return self.down(gelu(self.up(x)))


class Block(nn.Module):
    """One layer: attention, then the MLP, each on the norm of x and added to x (pre-norm)."""

    def __init__(self, n_embd: int, n_head: int, causal: bool = True, bias: bool = True) -> None:
        super().__init__()
        given.whole(n_embd, "n_embd", least=1)
        self.attn_norm = nn.LayerNorm(n_embd, bias=bias)
        self.attn = MultiHeadAttention(n_embd, n_head, causal, bias)
        self.mlp_norm = nn.LayerNorm(n_embd, bias=bias)
        self.mlp = MLP(n_embd, bias)

    def forward(self, x: Tensor, layer: int = 0, cache: KVCache | None = None) -> Tensor:
        """Take x (B, T, D), after the tokens in the cache, and give the same shape."""
        x = x + self.attn(self.attn_norm(x), layer, cache)
        return x + self.mlp(self.mlp_norm(x))


@dataclass(frozen=True)
class GPTConfig:
    """The sizes of a GPT; all but the vocabulary default to nanoGPT's settings for a CPU.

    `positions` is "learned", "sinusoidal" or "none".
    """

    vocab_size: int
    n_context: int = 64
    n_layer: int = 4
    n_head: int = 4
    n_embd: int = 128
    bias: bool = False
    positions: str = "learned"

    def __post_init__(self) -> None:
        """Raise TypeError or ValueError for sizes that make no model."""
        for name in ("vocab_size", "n_context", "n_layer", "n_head", "n_embd"):
            given.whole(getattr(self, name), name, least=1)
        given.one_of(self.positions, "positions", POSITIONS)


class GPT(nn.Module, LanguageModel):
    """A causal language model: embeddings and positions, L blocks, a norm, logits.

    The matrix that turns ids into vectors also turns vectors into logits (Press & Wolf 2017); the
    weights begin as nanoGPT's do. When the context is full, only its last tokens are seen. Raises
    ValueError for unknown positions.
    """

    cache_type, slides = KVCache, True

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        c = self.config = given.kind(config, "config", GPTConfig, "a GPTConfig(vocab_size=…)")
        self.embed = nn.Embedding(c.vocab_size, c.n_embd)
        if c.positions == "learned":
            self.positions = nn.Parameter(torch.empty(c.n_context, c.n_embd))
        else:
            size = 0.1 if c.positions == "sinusoidal" else 0.0  # of 1, they would drown the tokens
            fixed = size * sinusoidal(c.n_context, c.n_embd)
            self.register_buffer("positions", fixed, persistent=False)
        blocks = [Block(c.n_embd, c.n_head, bias=c.bias) for _ in range(c.n_layer)]
        self.blocks: Sequence[Block] = nn.ModuleList(blocks)  # type: ignore[assignment]
        self.norm = nn.LayerNorm(c.n_embd, bias=c.bias)
        self._initialise()

    @torch.no_grad()
    def _initialise(self) -> None:
        """Draw matrices with deviation 0.02; less where 2L of them add up (GPT-2, section 2.3)."""
        for name, p in self.named_parameters():
            if name.endswith("bias"):
                p.zero_()
            elif p.dim() == 2:
                last = name.endswith(("attn.out.weight", "mlp.down.weight"))
                p.normal_(std=0.02 / math.sqrt(2 * self.config.n_layer) if last else 0.02)

    def forward(self, ids: Tensor, cache: KVCache | None = None) -> Tensor:
        """Give the logits (B, T, V) of what follows each of ids (B, T), after those in the cache.

        Raises ValueError for ids of another shape, more of them than n_context, or unknown ones.
        """
        return self.logits(self.hidden(ids, cache))

    def hidden(self, ids: Tensor, cache: KVCache | None = None) -> Tensor:
        """Give the last hidden state (B, T, D) of ids (B, T), normed; see `forward`."""
        if cache is not None:
            given.kind(cache, "cache", KVCache, "a KVCache")
        x = self._start(ids, cache.n_seen if cache is not None else 0)
        for layer, block in enumerate(self.blocks):
            x = block(x, layer, cache)
        if cache is not None:
            cache.n_seen += ids.shape[1]
        return self.norm(x)

    def logits(self, x: Tensor) -> Tensor:
        """Turn hidden states (…, D) into logits (…, V) by the embedding's own matrix."""
        return linear(x, self.embed.weight)

    def _start(self, ids: Tensor, start: int) -> Tensor:
        batch(ids, self.config.vocab_size)
        end = start + ids.shape[1]
        if end > self.config.n_context:
            raise ValueError(f"{end} tokens are more than the context of {self.config.n_context}")
        return self.embed(ids) + self.positions[start:end]  # (B, T, D)

    @property
    def n_context(self) -> int:
        """The most tokens that it sees."""
        return self.config.n_context

    @torch.no_grad()
    def attentions(self, ids: Tensor) -> Tensor:
        """Give the attention weights (L, B, H, T, T) of ids (B, T); each row sums to 1."""
        x, weights = self._start(ids, 0), []
        for block in self.blocks:
            weights.append(block.attn.weights(block.attn_norm(x)))
            x = block(x)
        return torch.stack(weights)

    @torch.no_grad()
    def next_logits(self, ids: Sequence[int] | Tensor, cache: KVCache | None = None) -> Tensor:
        """Give the logits (V,) after the last of the ids (T,), with those in the cache before."""
        return self.logits(self.hidden(as_ids(ids)[None], cache)[0, -1])

    @torch.no_grad()
    def inside(self, ids: Sequence[int], ablate: Iterable[tuple[int, int]] = ()) -> Output:
        """Give what is inside for one text; ValueError when a head is to be switched off."""
        if heads_of(ablate):
            raise ValueError(f"{self.name} has no switch for a single head: SmolLM2 has")
        text = as_ids(ids)[None]
        hidden = [self._start(text, 0)]
        for block in self.blocks:
            hidden.append(block(hidden[-1]))
        hidden[-1] = self.norm(hidden[-1])
        return Output(self.logits(hidden[-1])[0], torch.cat(hidden), self.attentions(text)[:, 0])
