"""The network of SmolLM2, a Llama (Touvron et al. 2023), and its chat template."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import rms_norm, scaled_dot_product_attention, silu

from lmkit import given
from lmkit.lm import LanguageModel, Output, heads_of
from lmkit.tokenizers import BPETokenizer
from lmkit.transformer import KVCache, attention, causal_mask

END_OF_TEXT, MESSAGE_START, MESSAGE_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
ROLES = ("system", "user", "assistant")
Messages = Sequence[Mapping[str, str]]
TEXTS = "a list of texts, each a list of token ids"
MANY_ATTENTIONS = 512 * 512  # T·S; 30 layers of 9 heads, 4 bytes each, then take 283 MB


@dataclass(frozen=True)
class Config:
    """The sizes of a model."""

    n_layer: int
    n_head: int
    n_kv_head: int
    n_embd: int
    n_hidden: int
    vocab_size: int
    n_context: int
    rope_base: float
    norm_eps: float

    @property
    def head_dim(self) -> int:
        """Numbers a head."""
        return self.n_embd // self.n_head


def linear(x: Tensor, w: Tensor) -> Tensor:
    """Multiply x (…, T, in) by w (in, out).

    For a single row torch uses one core; four quarters of the sum at once use all.
    """
    if x.shape[:-1].numel() != 1:
        return x @ w
    row = torch.bmm(x.view(4, 1, -1), w.view(4, -1, w.shape[1])).sum(0)
    return row.view(*x.shape[:-1], -1)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the pairs (xᵢ, xᵢ₊d/2) of x (…, T, d) by their position's angles (RoPE, Su et al. 2021).

    cos and sin are (T, d), or (B, 1, T, d); sin has the minus sign of the first half in it.
    """
    return x * cos + x.roll(x.shape[-1] // 2, -1) * sin


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Do `transformer.attention`: the result (…, H, T, d) and the weights (…, H, T, S).

    Each of the G heads of k and v (…, G, S, d) serves H/G neighbouring heads of q (…, H, T, d).
    """
    n_shared = q.shape[-3] // k.shape[-3]
    shared = None if mask is None else torch.cat([mask] * n_shared, -2)  # (…, H/G·T, S)
    grouped = q.reshape(*k.shape[:-2], -1, q.shape[-1])  # (…, G, H/G·T, d)
    out, attn = attention(grouped, k, v, shared)
    return out.view(q.shape), attn.view(*q.shape[:-1], -1)


def attend_fast(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Compute the result of `attend` by torch's own kernel, which never holds the weights."""
    if q.dim() == 3:  # the kernel wants a batch
        return attend_fast(q[None], k[None], v[None], mask)[0]
    return scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)


def pad(texts: Sequence[Sequence[int]], pad_id: int = 0) -> tuple[Tensor, Tensor]:
    """Lay texts of token ids on top of each other: ids (B, T), and a mask (B, T) of what is text.

    Shorter ones are padded on the left, so that all end together and can be gone on with.

    >>> ids, mask = pad([[5], [6, 7]])
    >>> ids.tolist(), mask.tolist()
    ([[0, 5], [6, 7]], [[False, True], [True, True]])
    """
    texts = [given.ids(text, "ids of a text") for text in given.each(texts, "texts", TEXTS)]
    given.whole(pad_id, "pad_id", least=0)
    n = max(map(len, texts), default=0)
    ids = [[pad_id] * (n - len(text)) + list(text) for text in texts]
    mask = [[False] * (n - len(text)) + [True] * len(text) for text in texts]
    return torch.tensor(ids), torch.tensor(mask)


def visible(n_new: int, n_seen: int, mask: Tensor | None) -> Tensor | None:
    """Tell which of S tokens each of T new ones may look at; None when all may look at all.

    (T, S), or with a mask (B, S) of what is text and no padding (B, 1, T, S).
    """
    if mask is None:
        return causal_mask(n_new, n_seen) if n_new > 1 else None
    earlier = causal_mask(n_new, n_seen)
    itself = earlier.triu(n_seen - n_new)  # padding looks at itself, for no row may be empty
    return (earlier & mask[:, None] | itself)[:, None]


@dataclass
class Run:
    """What all layers share while the model reads some tokens."""

    rope: tuple[Tensor, Tensor]  # cosines and sines, (T, d) each, or (B, 1, T, d)
    mask: Tensor | None = None  # see `visible`
    cache: KVCache | None = None
    attentions: list[Tensor] | None = None  # each layer appends its weights (…, H, T, S)
    ablate: Sequence[tuple[int, int]] = ()  # (layer, head) of the heads that give zeros


class RMSNorm(nn.Module):
    """Divide by the root mean square, then scale (Zhang & Sennrich 2019)."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.empty(c.n_embd)), c.norm_eps

    def forward(self, x: Tensor) -> Tensor:
        """Take x (…, T, D) and give the same shape."""
        return rms_norm(x, self.weight.shape, self.weight, self.eps)


class Attention(nn.Module):
    """Attention with rotary positions, groups of heads sharing keys (Ainslie et al. 2023)."""

    def __init__(self, c: Config, layer: int) -> None:
        super().__init__()
        self.layer = layer
        self.heads = (c.n_head, c.n_kv_head, c.n_kv_head)
        self.qkv = nn.Parameter(torch.empty(c.n_embd, sum(self.heads) * c.head_dim))
        self.out = nn.Parameter(torch.empty(c.n_embd, c.n_embd))

    def forward(self, x: Tensor, run: Run) -> Tensor:
        """Take x (…, T, D) and give the same shape; the run keeps the weights if it has a list."""
        heads = linear(x, self.qkv).unflatten(-1, (sum(self.heads), -1))  # (…, T, H + 2G, d)
        q, k, v = heads.transpose(-3, -2).split(self.heads, -3)  # (…, H, T, d), (…, G, T, d) twice
        q, k = rotate(q, *run.rope), rotate(k, *run.rope)
        if run.cache is not None:
            k, v = run.cache.add(self.layer, k, v)  # (…, G, S, d)
        if run.attentions is None:
            y = attend_fast(q, k, v, run.mask)  # (…, H, T, d)
        else:
            y, attn = attend(q, k, v, run.mask)
            run.attentions.append(attn)
        if off := [head for layer, head in run.ablate if layer == self.layer]:
            y = y.index_fill(-3, torch.tensor(off), 0)
        return linear(y.transpose(-3, -2).reshape(x.shape), self.out)


class MLP(nn.Module):
    """The SwiGLU layer (Shazeer 2020): (silu(x·gate) ⊙ (x·up))·down."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        self.gate_up = nn.Parameter(torch.empty(c.n_embd, 2 * c.n_hidden))
        self.down = nn.Parameter(torch.empty(c.n_hidden, c.n_embd))

    def forward(self, x: Tensor) -> Tensor:
        """Take x (…, T, D) and give the same shape."""
        gate, up = linear(x, self.gate_up).chunk(2, dim=-1)  # (…, T, n_hidden) each
        return linear(silu(gate) * up, self.down)


class Block(nn.Module):
    """One layer: attention, then the MLP, each on the norm of x and added to x."""

    def __init__(self, c: Config, layer: int) -> None:
        super().__init__()
        self.attn_norm, self.attn = RMSNorm(c), Attention(c, layer)
        self.mlp_norm, self.mlp = RMSNorm(c), MLP(c)

    def forward(self, x: Tensor, run: Run) -> Tensor:
        """Take x (…, T, D) and give the same shape."""
        x = x + self.attn(self.attn_norm(x), run)
        return x + self.mlp(self.mlp_norm(x))


class SmolLM(nn.Module, LanguageModel):
    """The model and its tokenizer; `load` makes it."""

    name = "SmolLM2-135M-Instruct"
    cache_type = KVCache
    tokenizer: BPETokenizer

    def __init__(self, config: Config, tokenizer: BPETokenizer) -> None:
        super().__init__()
        self.config = given.kind(config, "config", Config, "a smollm.Config")
        self.tokenizer = given.kind(tokenizer, "tokenizer", BPETokenizer, "a BPETokenizer")
        # the same matrix turns ids into vectors (its columns) and vectors into logits
        self.unembed = nn.Parameter(torch.empty(config.n_embd, config.vocab_size))
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.n_layer))
        self.norm = RMSNorm(config)
        self.stop_ids = {tokenizer.special[END_OF_TEXT], tokenizer.special[MESSAGE_END]}

    def forward(
        self,
        ids: Sequence[int] | Tensor,
        cache: KVCache | None = None,
        attentions: bool | None = None,
        ablate: Iterable[tuple[int, int]] = (),
        mask: Tensor | None = None,
    ) -> Output:
        """Run token ids (T,) or (B, T), with those in the cache before them, and give an `Output`.

        The mask (B, S) is false where a batch has padding, left or right; it counts the tokens in
        the cache too. What stands at padding is to be thrown away. Of one text attentions are kept
        unless there are many (T·S > 512²), of a batch not; true or false decides it.
        Heads in `ablate`, as (layer, head), add nothing: their part of each layer's output is zero
        (chapter 6; Michel et al. 2019). Raises ValueError when ids are empty, unknown or with the
        cache's more than n_context, or when there is no such head or the mask does not fit.
        """
        ids = self._check_ids(ids, cache)
        n_new, n_seen = ids.shape[-1], ids.shape[-1] + _n_seen(cache)
        if attentions is None:
            attentions = ids.dim() == 1 and n_new * n_seen <= MANY_ATTENTIONS
        run = self._run(ids, mask, cache)
        run.attentions, run.ablate = [] if attentions else None, self._heads(ablate)
        hidden = [*self._states(ids, run)]
        attns = torch.stack(run.attentions) if run.attentions else None
        return Output(self._logits(hidden[-1]), torch.stack(hidden), attns)

    def _run(self, ids: Tensor, mask: Tensor | None, cache: KVCache | None) -> Run:
        """Prepare positions and what may look at what."""
        n_new, n_seen = ids.shape[-1], ids.shape[-1] + _n_seen(cache)
        if mask is None:
            positions = torch.arange(n_seen - n_new, n_seen)
        else:
            given.kind(mask, "mask", Tensor, "a tensor of booleans, as smollm.pad gives it")
            if (
                mask.shape != (*ids.shape[:-1], n_seen)
                or mask.dtype != torch.bool
                or mask.dim() != 2
            ):
                raise ValueError(
                    f"the mask must hold a boolean for each of {n_seen} tokens of each text of a "
                    f"batch, those in the cache too; it is {tuple(mask.shape)} of {mask.dtype}"
                )
            # a text begins at position 0 wherever its padding ends
            positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, None, -n_new:]  # (B, 1, T)
        return Run(self._rope(positions), visible(n_new, n_seen, mask), cache)

    def _states(self, ids: Tensor, run: Run) -> Iterator[Tensor]:
        """Go up the layers from ids, and give the hidden state (…, T, D) before each and last."""
        x = self.unembed.T[ids]
        for block in self.blocks:
            yield x
            x = block(x, run)
        if run.cache is not None:
            run.cache.n_seen += ids.shape[-1]
        yield self.norm(x)

    def _last_state(
        self, ids: Tensor, mask: Tensor | None = None, cache: KVCache | None = None
    ) -> Tensor:
        """Give the last hidden state (…, T, D) and hold no other."""
        (x,) = deque(self._states(ids, self._run(ids, mask, cache)), maxlen=1)
        return x

    def _rope(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Cosine and signed sine (…, T, d) of position · base^(-2i/d)."""
        d = self.config.head_dim
        speed = self.config.rope_base ** (-torch.arange(0, d, 2).float() / d)  # (d/2,)
        angle = positions.float()[..., None] * speed  # (…, T, d/2)
        cos, sin = angle.cos().to(self.unembed.dtype), angle.sin().to(self.unembed.dtype)
        return torch.cat([cos, cos], -1), torch.cat([-sin, sin], -1)

    def _logits(self, x: Tensor) -> Tensor:
        return linear(x, self.unembed).float()  # (…, T, V)

    def _check_ids(self, ids: Sequence[int] | Tensor, cache: KVCache | None = None) -> Tensor:
        if cache is not None:
            given.kind(cache, "cache", KVCache, "a KVCache")
        try:
            ids = torch.as_tensor(ids)
        except (TypeError, ValueError, RuntimeError):
            ids = torch.empty(())
        whole = ids.dtype in (torch.int64, torch.int32)
        if ids.dim() not in (1, 2) or (ids.numel() and not whole):
            raise TypeError(
                "ids must be a list of whole numbers, as tokenizer.encode gives them, or a batch, "
                "as smollm.pad gives it"
            )
        if ids.numel() == 0:
            raise ValueError("ids are empty: the model needs at least one token to go on from")
        if ids.min() < 0 or ids.max() >= self.config.vocab_size:
            raise ValueError(f"ids must lie between 0 and {self.config.vocab_size - 1}")
        self.check_length(ids.shape[-1] + _n_seen(cache))
        return ids.long()

    def _heads(self, heads: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        n_layer, n_head = self.config.n_layer, self.config.n_head
        heads = heads_of(heads)
        for layer, head in heads:
            if not (0 <= layer < n_layer and 0 <= head < n_head):
                raise ValueError(
                    f"there is no head {head} in layer {layer}: "
                    f"layers are 0 to {n_layer - 1}, heads 0 to {n_head - 1}"
                )
        return heads

    @property
    def n_context(self) -> int:
        """The most tokens that it sees."""
        return self.config.n_context

    @property
    def start_id(self) -> int:
        """The token that says that a text begins, `<|endoftext|>`."""
        return self.tokenizer.special[END_OF_TEXT]

    @torch.inference_mode()
    def next_logits(
        self,
        ids: Sequence[int] | Tensor,
        cache: KVCache | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Give the logits (V,) after the last of the ids, with those in the cache before them.

        Of a batch (B, T) they are (B, V); its padding, if any, stands on the left.
        """
        x = self._last_state(self._check_ids(ids, cache), mask, cache)[..., -1:, :]
        return self._logits(x)[..., 0, :]

    @torch.inference_mode()
    def head_outputs(self, out: Output) -> Tensor:
        """Give what each head of each layer added to each token's vector in a run: (L, H, T, D).

        Over the heads it sums to what a layer's attention adds: Concat(head₁, …)·W_O is the sum
        of the headᵢ·W_Oᵢ, with W_Oᵢ the rows of W_O that meet headᵢ (chapter 6). For short texts:
        it holds L·H·D numbers a token, 622 KB. `out` is what `model(ids)` gave, without a cache.
        """
        given.kind(out, "out", Output, "what model(ids) gave")
        c, added = self.config, []
        for module, x, attn in zip(self.blocks, out.hidden_states, out.attentions, strict=False):
            block = cast(Block, module)
            v = (block.attn_norm(x) @ block.attn.qkv)[:, -c.n_kv_head * c.head_dim :]  # not rotated
            v = v.view(len(x), c.n_kv_head, c.head_dim).transpose(0, 1)  # (G, T, d)
            heads = attn @ v.repeat_interleave(c.n_head // c.n_kv_head, 0)  # (H, T, d)
            added.append(heads @ block.attn.out.view(c.n_head, c.head_dim, c.n_embd))
        return torch.stack(added)

    @torch.inference_mode()
    def all_logits(self, ids: Sequence[int]) -> Tensor:
        """Give the logits (T, V) after each of the ids (T,)."""
        return self(ids).logits

    @torch.inference_mode()
    def inside(self, ids: Sequence[int], ablate: Iterable[tuple[int, int]] = ()) -> Output:
        """Give `model(ids, ablate=ablate)`."""
        return self(ids, ablate=ablate)

    @torch.inference_mode()
    def _predictions(self, ids: list[int]) -> Iterator[Tensor]:
        x = self._last_state(torch.tensor(ids))[:-1]  # (T - 1, D)
        # in parts, since the logits of 8,000 tokens take 1.6 GB
        for part in x.split(256):
            yield from self._logits(part)

    def chat(
        self, messages: str | Messages, max_new_tokens: int = 200, **options: Any
    ) -> Iterator[str]:
        """Answer messages `{"role": "user", "content": …}`, or one str, as `generate` does."""
        return self.stream(self.generate_ids(self.chat_ids(messages), max_new_tokens, **options))

    def chat_ids(self, messages: str | Messages) -> list[int]:
        """Put messages into SmolLM2's chat template; special tokens in them stay plain text."""
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        _check_messages(messages)
        if messages[0]["role"] != "system":
            messages = [{"role": "system", "content": SYSTEM}, *messages]
        encode, special = self.tokenizer.encode, self.tokenizer.special
        ids = []
        for message in messages:
            ids += [special[MESSAGE_START], *encode(message["role"] + "\n" + message["content"])]
            ids += [special[MESSAGE_END], *encode("\n")]
        return [*ids, special[MESSAGE_START], *encode("assistant\n")]


def _n_seen(cache: KVCache | None) -> int:
    return cache.n_seen if cache is not None else 0


def _check_messages(messages: Messages) -> None:
    given.each(messages, "messages", "a str, or a list of messages")
    if not messages:
        raise ValueError("messages are empty: give at least one, or a str")
    for message in messages:
        if not isinstance(message, Mapping) or set(message) != {"role", "content"}:
            raise ValueError(f'a message must be {{"role": …, "content": …}}, not {message!r}')
        if message["role"] not in ROLES:
            raise ValueError(f"role must be one of {', '.join(ROLES)}, not {message['role']!r}")
        if not isinstance(message["content"], str):
            raise ValueError(f"content must be a str, not {given.shown(message['content'])}")
