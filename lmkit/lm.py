"""What every language model here can do: tell what comes next, measure a text, and write.

    class Mine(LanguageModel):             # brings a tokenizer and next_logits
    Mine().next_token("The cat")           # [(' sat', 0.4), …]
    Mine().log_probs("The cat sat")        # [('The', -3.1), (' cat', -2.0), …]
    print(*Mine().generate("The cat"), sep="")

SmolLM2, the GPT, the recurrent networks and the n-grams stand on it, so that whoever is given a
model, a figure above all, takes any of them.
"""

import codecs
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

from lmkit import given
from lmkit.generate import continuation


class Tokenizer(Protocol):
    """What a model asks of its tokenizer."""

    def encode(self, text: str) -> list[int]:
        """Turn text into token ids."""

    def token_bytes(self, token_id: int) -> bytes:
        """Give what a token adds to a text that it goes on with, in UTF-8."""


@dataclass
class Output:
    """What is inside a model as it reads a text of T tokens.

    `logits` (T, V); `hidden_states` (L + 1, T, D), as in transformers: the embeddings, then the
    output of each layer, the last one after the final norm; `attentions` (L, H, T, S), with S the
    tokens seen so far. Of a batch all but the first and those of heads have B before T.
    """

    logits: Tensor
    hidden_states: Tensor
    _attentions: Tensor | None = None

    @property
    def attentions(self) -> Tensor:
        """Attention weights (L, H, T, S); each row of S sums to 1."""
        if self._attentions is None:
            raise ValueError(
                "no attentions were kept, since for so long a text they take much memory: "
                "ask for them with model(ids, attentions=True)"
            )
        return self._attentions


class LanguageModel:
    """A model of what comes next, and all that follows from that alone.

    A subclass brings `next_logits` and a `tokenizer` (or is given one: `model.tokenizer = …`), and
    where it has such a thing: `n_context`, the most tokens that it sees; `cache_type`, what it
    keeps of a text in order to read on, whose `n_seen` can be set back; `stop_ids`, the tokens
    that end a text. A context that is full slides on over the text if `slides`, else it is an
    error.
    """

    tokenizer: Tokenizer | None = None
    stop_ids: Collection[int] = frozenset()
    cache_type: ClassVar[type | None] = None
    slides: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """What figures call it."""
        return type(self).__name__

    @property
    def n_context(self) -> int | None:
        """The most tokens that it sees; None where there is no limit."""
        return None

    @property
    def start_id(self) -> int | None:
        """The token after which a text begins: here a line end, None for those that know none."""
        vocab: Mapping[str, int] = getattr(self.tokenizer, "vocab", {})
        return vocab.get("\n")

    def new_cache(self) -> Any:
        """Make an empty cache for `next_logits`; None where the model keeps nothing."""
        return self.cache_type() if self.cache_type else None

    def next_logits(self, ids: Sequence[int], cache: Any = None) -> Tensor:
        """Give the logits (V,) after the last of the ids, with those in the cache before them."""
        raise NotImplementedError

    def all_logits(self, ids: Sequence[int]) -> Tensor:
        """Give the logits (T, V) after each of the ids (T,), with as many before as it sees."""
        ids, reading = given.ids(ids), Reading(self)
        return torch.stack([reading.logits(ids[:end]) for end in range(1, len(ids) + 1)])

    def inside(self, ids: Sequence[int], ablate: Iterable[tuple[int, int]] = ()) -> Output:
        """Give what a transformer has inside; ValueError for another model.

        Heads in `ablate`, as (layer, head), are switched off.
        """
        raise ValueError(f"{self.name} has no attention to be looked at: take a transformer")

    def head_outputs(self, out: Output) -> Tensor:
        """Give what each head added to each token (L, H, T, D); ValueError where none can tell."""
        raise ValueError(f"{self.name} does not tell what each head adds: SmolLM2 does")

    def chat_ids(self, messages: Any) -> list[int]:
        """Put messages into the model's chat template; ValueError where it was taught none."""
        raise ValueError(f"{self.name} was not taught to chat: give it a text to go on with")

    def begin(self, text: str) -> list[int]:
        """Give a text's ids behind the start token, if there is one; ValueError when too long."""
        if self.tokenizer is None:
            raise ValueError(f"{self.name} has no tokenizer yet: give it one, model.tokenizer = …")
        ids = self.tokenizer.encode(given.text(text, "text"))
        if self.start_id is not None:
            ids = [self.start_id, *ids]
        self.check_length(len(ids))
        return ids

    def tokens(self, ids: Iterable[int]) -> list[str]:
        r"""Show each token by itself; part of a character is shown as its bytes, like `\xe2`."""
        return [self._bytes(i).decode("utf-8", "backslashreplace") for i in given.ids(ids)]

    def _bytes(self, token_id: int) -> bytes:
        assert self.tokenizer is not None  # `begin` has told so
        return self.tokenizer.token_bytes(given.whole(token_id, "each of the ids", 0))

    def check_length(self, n: int, more: str = "") -> None:
        """Raise ValueError when n tokens do not fit into a context that does not slide."""
        if self.n_context is not None and n > self.n_context and not self.slides:
            raise ValueError(
                f"{n} tokens{more} are more than the context of {self.n_context}: use fewer"
            )

    def next_token(self, text: str, k: int = 10) -> list[tuple[str, float]]:
        """Give the k likeliest next tokens after a text, with their probabilities.

        The text starts with the start token, as in `log_probs` and `generate`.
        """
        given.whole(k, "k", least=1)
        probs = Reading(self).logits(self.begin(text)).softmax(-1)
        top = probs.topk(min(k, len(probs)))
        return list(zip(self.tokens(top.indices.tolist()), top.values.tolist(), strict=True))

    def log_probs(self, text: str) -> list[tuple[str, float]]:
        """Give each token of a text with its natural log-probability, given all before it.

        Their sum is log P(text), by the chain rule; the first is given the start token, and left
        out where there is none.
        """
        ids = self.begin(text)
        rows = zip(self._predictions(ids), ids[1:], strict=True)
        log_ps = [row.log_softmax(-1)[token_id].item() for row, token_id in rows]
        return list(zip(self.tokens(ids[1:]), log_ps, strict=True))

    def _predictions(self, ids: list[int]) -> Iterable[Tensor]:
        """Give the logits (V,) from which each of the ids but the first was to be told."""
        return self.all_logits(ids[:-1]) if len(ids) > 1 else []

    def generate(self, text: str, max_new_tokens: int = 50, **options: Any) -> Iterator[str]:
        """Go on with a text, in pieces as they are made: `print(*model.generate(…), sep="")`.

        The pieces are whole characters; for the options see `generate_ids`.
        """
        return self.stream(self.generate_ids(self.begin(text), max_new_tokens, **options))

    def generate_ids(
        self,
        ids: Sequence[int] | Tensor,
        max_new_tokens: int = 50,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
    ) -> Iterator[int]:
        """Go on with token ids, one id at a time, until the end of the text or max_new_tokens.

        Temperature 0 takes the likeliest each time; for the others see `generate.probabilities`.
        The seed makes it repeatable. Raises ValueError at once when an option is out of range or
        the context would overflow.
        """
        given.whole(max_new_tokens, "max_new_tokens", least=0)
        ids = as_ids(ids).tolist()
        self.check_length(len(ids) + max_new_tokens, f" ({len(ids)} given, the others new)")
        reading, text = Reading(self), list[int]()

        def next_logits(new: list[int]) -> Tensor:
            text.extend(new)
            return reading.logits(text)

        new = continuation(next_logits, ids, max_new_tokens, temperature, top_k, top_p, seed)
        return takewhile(lambda token_id: token_id not in self.stop_ids, new)

    def stream(self, ids: Iterable[int]) -> Iterator[str]:
        """Decode ids as they come, and hold the bytes of half a character back."""
        utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        for token_id in given.each(ids, "ids", given.IDS):
            if piece := utf8.decode(self._bytes(token_id)):
                yield piece
        if piece := utf8.decode(b"", final=True):
            yield piece


class Reading:
    """What a model has read, so that of the next text only what is new must be computed.

    Texts may come in any order: what the next one does not share with the last is forgotten.
    """

    def __init__(self, lm: LanguageModel) -> None:
        self.lm = language_model(lm, "lm")
        self.cache, self.ids = lm.new_cache(), list[int]()

    def logits(self, ids: Sequence[int]) -> Tensor:
        """Give the logits (V,) after ids (T,); when a context that slides is full, after its last.

        Raises ValueError when ids are empty.
        """
        ids = given.ids(ids)
        if not ids:
            raise ValueError("ids are empty: the model needs at least one token to go on from")
        if self.lm.slides:  # every position moves, so hardly anything that was computed is kept
            ids = ids[-(self.lm.n_context or 0) :]
        if self.cache is None:
            return self.lm.next_logits(ids)
        known = min(_shared(ids, self.ids), len(ids) - 1)
        self.cache.n_seen, self.ids = known, list(ids[:known])
        logits = self.lm.next_logits(ids[known:], self.cache)
        self.ids = list(ids)
        return logits


def _shared(a: Sequence[int], b: Sequence[int]) -> int:
    """Count the ids that two texts begin with alike."""
    pairs = enumerate(zip(a, b, strict=False))
    return next((n for n, (x, y) in pairs if x != y), min(len(a), len(b)))


def as_ids(ids: Sequence[int] | Tensor) -> Tensor:
    """Give a text's ids as a tensor (T,); TypeError for anything else, such as the text itself."""
    try:
        found = torch.as_tensor(ids)
    except (TypeError, ValueError, RuntimeError):
        found = torch.empty(())
    whole = not found.dtype.is_floating_point and found.dtype != torch.bool
    if found.dim() != 1 or (len(found) and not whole):
        raise given.wrong("ids", given.IDS, ids)
    return found.long()


def language_model(value: Any, name: str) -> LanguageModel:
    """Give a language model; TypeError for anything else."""
    found: LanguageModel = given.kind(
        value, name, LanguageModel, "a language model, such as lmkit.smollm.load()"
    )
    return found


def batch(ids: Tensor, vocab_size: int) -> Tensor:
    """Give ids (B, T) that a model knows; ValueError for others."""
    if given.kind(ids, "ids", Tensor, "a tensor (texts, tokens)").dim() != 2:
        raise ValueError(
            f"ids must be (texts, tokens); for one text give ids[None], not {tuple(ids.shape)}"
        )
    if ids.dtype not in (torch.int64, torch.int32):
        raise TypeError(
            f"ids must be whole numbers, as tokenizer.encode gives them, not {ids.dtype}"
        )
    if ids.numel() and not 0 <= ids.min() <= ids.max() < vocab_size:
        raise ValueError(
            f"ids must lie between 0 and {vocab_size - 1}; they go from {ids.min()} to "
            f"{ids.max()}: is the model's vocab_size that of the tokenizer?"
        )
    return ids


def heads_of(ablate: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Give the heads that are to be switched off as pairs of whole numbers."""
    pairs = given.rows(ablate, "ablate", 2, "a pair (layer, head)")
    return [(given.whole(a, "a layer"), given.whole(b, "a head")) for a, b in pairs]
