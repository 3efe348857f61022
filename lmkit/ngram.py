"""N-gram models: predict the next symbol from the n − 1 before it, by counting (chapter 4).

A symbol is a character of a str, or any element of a list, such as a word.
"""

import copy
import math
import random
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from lmkit import given
from lmkit.lm import LanguageModel

SMOOTHINGS = ("add_k", "interpolate", "backoff")
DISCOUNT = 0.75  # what back-off takes from each count
NONE: Counter[Hashable] = Counter()

Symbols = tuple[Hashable, ...]


def count(text: Iterable[Hashable], n: int) -> dict[Symbols, Counter[Hashable]]:
    """Count what follows each context of up to n − 1 symbols in a text.

    >>> count("abac", 2)[("a",)]
    Counter({'b': 1, 'c': 1})
    """
    given.whole(n, "n", least=1)
    symbols = _symbols(text, "text")
    counts: dict[Symbols, Counter[Hashable]] = defaultdict(Counter)
    for m in range(1, n + 1):  # runs of m symbols, from m shifted copies of the text
        for run, times in Counter(zip(*(symbols[i:] for i in range(m)), strict=False)).items():
            counts[run[:-1]][run[-1]] = times
    return dict(counts)


def _symbols(text: Iterable[Hashable], name: str) -> Symbols:
    """Give a text's symbols, or a context's."""
    right = "a str, or a list of symbols"
    if not isinstance(text, Iterable):
        raise given.wrong(name, right, text)
    return tuple(text)


class SymbolTokenizer:
    """An n-gram's tokenizer: its symbols, and after them `<s>`, where a text begins.

    A text is cut into characters, if all symbols are such, else at spaces into words.

    >>> SymbolTokenizer(["the", "cat"]).encode("cat the cat")
    [1, 0, 1]
    """

    def __init__(self, vocab: Sequence[Hashable]) -> None:
        self.vocab, self.start_id = _symbols(vocab, "vocab"), len(vocab)
        self._between = "" if all(len(str(symbol)) == 1 for symbol in vocab) else " "
        self._ids = {symbol: i for i, symbol in enumerate(vocab)}

    def split(self, text: str) -> Sequence[str]:
        """Cut a text into symbols."""
        return given.text(text, "text").split() if self._between else given.text(text, "text")

    def encode(self, text: str) -> list[int]:
        """Turn text into the places of its symbols; ValueError for one that is not there."""
        known(self.split(text), self._ids)
        return [self._ids[symbol] for symbol in self.split(text)]

    def decode(self, ids: Iterable[int]) -> list[Hashable]:
        """Turn places into symbols; `<s>` is none."""
        found = given.ids(ids, most=self.start_id)
        return [self.vocab[i] for i in found if i < self.start_id]

    def token_bytes(self, token_id: int) -> bytes:
        """Give what a symbol adds to a text: a word brings the space before it."""
        if given.whole(token_id, "token_id", 0, self.start_id) == self.start_id:
            return b"<s>"
        return f"{self._between}{self.vocab[token_id]}".encode()


def known(text: Iterable[Hashable], vocab: Collection[Hashable]) -> None:
    """Raise ValueError for a symbol that is not in the vocabulary."""
    if strange := set(text).difference(vocab):
        raise ValueError(
            f"{min(map(repr, strange))} is not in the vocabulary of {len(vocab)} symbols"
        )


class NGram(LanguageModel):
    """The counts of a text's runs of up to n symbols, and the probabilities made from them.

    `smoothing` says how what was never seen gets a share. "add_k" adds k to each count (k = 0 is
    no smoothing). "interpolate" mixes in the shorter context, the more so the more different
    symbols have followed (Witten & Bell 1991). "backoff" discounts each count and asks the shorter
    context about unseen symbols alone (Katz 1987; the fixed discount is Ney, Essen & Kneser's,
    1994). The first symbols of a text have shorter contexts. Raises ValueError for an n, k,
    smoothing, text or vocabulary that makes no model.

    >>> NGram("abab", n=2, smoothing="add_k", k=1).prob("b", "a")  # (2 + 1) / (2 + 2 · 1)
    0.75
    """

    def __init__(
        self,
        text: Sequence[Hashable],
        n: int,
        vocab: Iterable[Hashable] | None = None,
        smoothing: str = "interpolate",
        k: float = 1.0,
    ) -> None:
        _symbols(text, "text")
        self.vocab = list(dict.fromkeys(text if vocab is None else _symbols(vocab, "vocab")))
        if not self.vocab:
            raise ValueError("there are no symbols: give a text or a vocabulary that has some")
        self.tokenizer: SymbolTokenizer = SymbolTokenizer(self.vocab)
        self._known = frozenset(self.vocab)
        known(text, self._known)
        self._set(n, smoothing, k)
        self.counts = count(text, n)

    def _set(self, n: int, smoothing: str, k: float) -> None:
        given.whole(n, "n", least=1)
        given.number(k, "k", least=0)
        given.one_of(smoothing, "smoothing", SMOOTHINGS)
        self.n, self.smoothing, self.k = n, smoothing, k
        self._rule = getattr(self, f"_{smoothing}")
        self._share = cache(self._left_over)

    def variant(self, **changes: Any) -> "NGram":
        """Give a model of the same counts with another n (smaller), smoothing or k."""
        other = copy.copy(self)
        options: dict[str, Any] = {"n": self.n, "smoothing": self.smoothing, "k": self.k}
        other._set(**(options | changes))
        if other.n > self.n:
            raise ValueError(f"runs of {other.n} were not counted: n must be at most {self.n}")
        return other

    def prob(self, symbol: Hashable, context: Sequence[Hashable] = ()) -> float:
        """Give P(symbol | the last n − 1 symbols of the context).

        With k = 0 it is 0 for everything after a context that was never seen.
        """
        known([symbol], self._known)
        return self._rule(symbol, self._last(context))

    def distribution(self, context: Sequence[Hashable] = ()) -> dict[Hashable, float]:
        """Give the probability of every symbol of the vocabulary as the next one."""
        h = self._last(context)
        return {w: self._rule(w, h) for w in self.vocab}

    def _last(self, context: Sequence[Hashable]) -> Symbols:
        """Give the last n − 1 symbols of a context."""
        if not isinstance(context, Sequence):
            raise given.wrong("context", "a str, or a list of symbols", context)
        return tuple(context[max(0, len(context) - self.n + 1) :])

    @property
    def name(self) -> str:
        """Its n."""
        return f"{self.n}-gram"

    @property
    def start_id(self) -> int:
        """The token `<s>`, behind which contexts are shorter."""
        return self.tokenizer.start_id

    def next_logits(self, ids: Sequence[int], cache: None = None) -> Tensor:
        """Give log P (V,) of each symbol after the ids; see `sample` for what it raises."""
        context = self.tokenizer.decode(ids)
        return torch.tensor(self._weights(context), dtype=torch.float64).log()

    def log_probs(self, text: Sequence[Hashable]) -> list[tuple[Any, float]]:
        """Give each symbol with its natural log probability given those before; -inf for P = 0."""
        if isinstance(text, str):
            text = self.tokenizer.split(text)
        text = _symbols(text, "text")
        probs = (self.prob(w, text[max(0, t - self.n + 1) : t]) for t, w in enumerate(text))
        logs = (math.log(p) if p else -math.inf for p in probs)
        return list(zip(text, logs, strict=True))

    def perplexity(self, text: Sequence[Hashable]) -> float:
        """Give exp(mean NLL a symbol): inf when a symbol of the text has probability 0."""
        if not _symbols(text, "text"):
            raise ValueError("the text is empty: perplexity is a mean over its symbols")
        log_ps = [log_p for _, log_p in self.log_probs(text)]
        return math.exp(-math.fsum(log_ps) / len(log_ps))

    def _weights(self, context: Sequence[Hashable]) -> list[float]:
        weights = list(self.distribution(context).values())
        if not any(weights):
            raise ValueError(f"nothing ever followed {context[1 - self.n :]}: smooth the model")
        return weights

    def sample(
        self, length: int, context: Sequence[Hashable] = (), seed: int = 0
    ) -> list[Hashable]:
        """Draw `length` symbols, each given those before it, and return them without the context.

        Raises ValueError where nothing can follow, which happens with k = 0 alone.
        """
        given.whole(length, "length", least=0)
        draw, written = random.Random(given.seed(seed)), list(_symbols(context, "context"))
        for _ in range(length):
            weights = self._weights(written)
            written += draw.choices(self.vocab, weights)
        return written[len(context) :]

    def _add_k(self, symbol: Hashable, h: Symbols) -> float:
        seen = self.counts.get(h, NONE)
        total = seen.total() + self.k * len(self.vocab)
        return (seen[symbol] + self.k) / total if total else 0.0

    def _interpolate(self, symbol: Hashable, h: Symbols) -> float:
        """Weigh the counts by their total, the shorter context by how many symbols followed h."""
        seen = self.counts.get(h, NONE)
        p = self._shorter(symbol, h)
        return (seen[symbol] + len(seen) * p) / (seen.total() + len(seen)) if seen else p

    def _backoff(self, symbol: Hashable, h: Symbols) -> float:
        seen = self.counts.get(h, NONE)
        if symbol not in seen:
            return self._share(h) * self._shorter(symbol, h)
        discount = DISCOUNT if len(seen) < len(self.vocab) else 0  # nobody to give it to
        return (seen[symbol] - discount) / seen.total()

    def _left_over(self, h: Symbols) -> float:
        """Give the factor by which the discounts of h are shared out among its unseen symbols."""
        seen = self.counts.get(h, NONE)
        if not seen:
            return 1.0
        unseen = math.fsum(self._shorter(w, h) for w in self.vocab if w not in seen)
        return DISCOUNT * len(seen) / seen.total() / unseen

    def _shorter(self, symbol: Hashable, h: Symbols) -> float:
        """Give P(symbol | h without its first symbol); below the empty context all are alike."""
        p: float = self._rule(symbol, h[1:]) if h else 1 / len(self.vocab)
        return p
