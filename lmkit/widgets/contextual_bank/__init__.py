"""ContextualBank: does one word have one vector? (chapter 3)"""

from typing import Any

import numpy as np
import traitlets as t

from ... import given
from ...embeddings import WordVectors
from ...lm import LanguageModel, language_model
from ..base import Widget, html_table

MOST = 12  # sentences
MAX_CHARACTERS = 200


class ContextualBank(Widget):
    """One word in several sentences: how alike its vectors are in each layer of two models.

    `vectors` are static (`load_glove()`), `bert` is `minilm.load()`, `gpt` `smollm.load()`. Of each
    layer the dot products of the word's vectors are stored: cosines, centring and the plane follow
    from those. `senses` may name each sentence's sense, which gives it a mark. The reader's own
    sentences go through the kernel or the page's model.
    """

    _height = 640

    word = t.Unicode().tag(sync=True)
    sentences = t.List(t.Unicode()).tag(sync=True)
    models = t.List(t.Dict()).tag(sync=True)
    senses = t.List(t.Unicode()).tag(sync=True)
    added = t.List(t.Unicode()).tag(sync=True)
    which = t.Int(0).tag(sync=True)
    layer = t.Int(3).tag(sync=True)
    centred = t.Bool(True).tag(sync=True)

    def __init__(
        self,
        vectors: WordVectors,
        bert: Any,
        gpt: LanguageModel,
        sentences: list[str],
        word: str,
        **traits: Any,
    ) -> None:
        given.kind(vectors, "vectors", WordVectors, "WordVectors, as load_glove() gives them")
        self._vectors, self._bert, self._gpt = vectors, bert, language_model(gpt, "gpt")
        models = self._models(sentences, word)
        if (n := len(traits.get("senses") or sentences)) != len(sentences):
            raise ValueError(f"{len(sentences)} sentences need as many senses or none, not {n}.")
        given.whole(traits.get("which", 0), "which", 0, len(models) - 1)
        given.whole(traits.get("layer", 0), "layer", 0)
        super().__init__(models=models, sentences=sentences, word=word, **traits)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer `word-vectors` with the dot products of a word's vectors in each layer."""
        if request.get("kind") == "word-vectors":
            return {"models": self._models(list(request["sentences"]), str(request["word"]))}
        return super().answer(request)

    def summary(self) -> str:
        """Return each sentence with the sentence whose vector is most alike."""
        return "\n".join(f"{s} ~ {near} ({cos})" for s, near, cos in self._rows())

    def fallback(self) -> str:
        """Return the same as a table."""
        name = self.models[self.which]["name"]
        centred = ", mean subtracted" if self.centred else ""
        caption = f"“{self.word}” in {name}, layer {self._layer()}{centred}"
        return html_table(caption, ["sentence", "most alike", "cosine"], self._rows())

    def _rows(self) -> list[list[str]]:
        gram = unpack(self.models[self.which]["grams"][self._layer()])
        if self.centred:
            gram = gram - gram.mean(0) - gram.mean(1, keepdims=True) + gram.mean()
        size = np.sqrt(np.maximum(np.diag(gram), 1e-9))
        cosines = gram / np.outer(size, size) - 3 * np.eye(len(gram))
        best = cosines.argmax(1)
        return [
            [sentence, self.sentences[k], f"{cosines[i, k]:.2f}"]
            for i, (sentence, k) in enumerate(zip(self.sentences, best, strict=True))
        ]

    def _layer(self) -> int:
        """Return the layer that is shown: the last, where the model has no such layer."""
        return min(self.layer, len(self.models[self.which]["grams"]) - 1)

    def _models(self, sentences: list[str], word: str) -> list[dict[str, Any]]:
        check(sentences, word)
        bert = np.stack([self._bert_states(s, word) for s in sentences], 1)  # (L + 1, n, D)
        gpt = np.stack([self._gpt_states(s, word) for s in sentences], 1)
        known = self._vectors[word] if word in self._vectors else np.zeros(50)
        static = np.repeat(known[None, None], len(sentences), 1)
        named = [(self._bert.name, bert), (self._gpt.name, gpt), ("GloVe", static)]
        return [
            {"name": name, "grams": [pack(layer) for layer in states]} for name, states in named
        ]

    def _bert_states(self, sentence: str, word: str) -> np.ndarray:
        out = self._bert(sentence)
        at = last_piece(out.tokens, self._bert.tokens(word), sentence, word)
        return out.hidden_states[:, at].numpy()

    def _gpt_states(self, sentence: str, word: str) -> np.ndarray:
        ids = self._gpt.begin(sentence)
        at = last_token(self._gpt.tokens(ids), sentence, word)
        return self._gpt.inside(ids).hidden_states[:, at].numpy()


def check(sentences: list[str], word: str) -> None:
    """Raise ValueError with a sentence when these are not what the figure can compare."""
    given.text(word, "word")
    if not 2 <= len(given.texts(sentences, "sentences")) <= MOST:
        raise ValueError(f"Give 2 to {MOST} sentences, not {len(sentences)}.")
    for sentence in sentences:
        if len(sentence) > MAX_CHARACTERS:
            raise ValueError(f"A sentence may have {MAX_CHARACTERS} characters here.")


def last_piece(tokens: list[str], pieces: list[str], sentence: str, word: str) -> int:
    """Return where a word's last piece is in a text's tokens, at the word's first place."""
    for at in range(len(tokens) - len(pieces) + 1):
        end = at + len(pieces)
        if tokens[at:end] == pieces and not "".join(tokens[end : end + 1]).startswith("##"):
            return end - 1
    raise ValueError(f"“{word}” does not stand as a word in “{sentence}”.")


def last_token(tokens: list[str], sentence: str, word: str) -> int:
    """Return the token that ends a word, at the word's first place; as in the page's Worker."""
    text = ""
    ends = list[int]()
    for token in tokens[1:]:  # without the start token
        text += token.lower()
        ends.append(len(text))
    wanted = word.lower()
    at = text.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        whole = not text[max(0, at - 1) : at].isalnum() and not text[end : end + 1].isalnum()
        if whole and end in ends:
            return 1 + ends.index(end)
        at = text.find(wanted, at + 1)
    raise ValueError(f"“{word}” does not stand as a word in “{sentence}”.")


def pack(rows: np.ndarray) -> list[float]:
    """Return the dot products of vectors (n, D) over D: the lower triangle, row by row."""
    gram = rows.astype(float) @ rows.astype(float).T / rows.shape[1]
    return [float(f"{x:.6g}") for x in gram[np.tril_indices(len(gram))]]


def unpack(triangle: list[float]) -> np.ndarray:
    """Return the matrix (n, n) that `pack` made."""
    n = round((np.sqrt(8 * len(triangle) + 1) - 1) / 2)
    gram = np.zeros((n, n))
    gram[np.tril_indices(n)] = triangle
    return gram + np.tril(gram, -1).T
