"""EmbeddingMap: where do words lie when fifty dimensions become two? (chapter 3)"""

from typing import Any

import numpy as np
import traitlets as t

from ... import given
from ...embeddings import WordVectors, pca, quantise
from ..base import Widget, as_base64
from ..embedding_arithmetic import WORDS, packed, rounded

# six groups of words; every second group of meanings is mixed with grammar on purpose
GROUPS = {
    "animals": "cat dog horse cow sheep pig goat rabbit mouse rat lion tiger bear wolf fox deer "
    "elephant monkey snake frog fish shark whale dolphin bird eagle owl duck chicken goose "
    "swan bee ant spider butterfly",
    "countries": "france germany italy spain portugal greece poland sweden norway denmark finland "
    "austria switzerland belgium netherlands ireland russia ukraine turkey egypt nigeria kenya "
    "china japan korea india pakistan iran iraq israel brazil argentina chile mexico canada",
    "capitals": "paris berlin rome madrid lisbon athens warsaw stockholm oslo copenhagen helsinki "
    "vienna bern brussels amsterdam dublin moscow kiev ankara cairo nairobi beijing "
    "tokyo seoul delhi islamabad tehran baghdad jerusalem brasilia santiago ottawa",
    "verbs": "go goes went going walk walks walked walking run runs ran running see sees saw "
    "seeing eat eats ate eating write writes wrote writing sing sings sang singing think thinks "
    "thought thinking",
    "people": "man woman boy girl king queen prince princess father mother son daughter brother "
    "sister uncle aunt husband wife actor actress waiter waitress nephew niece",
    "bodies": "head eye ear nose mouth tooth tongue neck arm elbow hand finger leg knee foot toe "
    "heart lung liver kidney brain skin bone blood stomach",
}


class EmbeddingMap(Widget):
    """Words of chosen groups, or the neighbours of a word, on their two principal axes.

    `vectors` are `lmkit.embeddings.load_glove()`; `groups` are texts of words by name. The groups'
    vectors are stored, and places and neighbours are computed from them, so any choice of groups
    answers without a kernel.
    """

    _height = 620

    groups = t.List(t.Dict()).tag(sync=True)
    shown = t.List(t.Unicode()).tag(sync=True)
    around = t.Unicode("").tag(sync=True)
    word = t.Unicode("").tag(sync=True)
    model_name = t.Unicode("GloVe 6B, 50 numbers").tag(sync=True)

    def __init__(
        self, vectors: WordVectors, groups: dict[str, str] | None = None, **traits: Any
    ) -> None:
        self._vectors = given.kind(
            vectors, "vectors", WordVectors, "WordVectors, as load_glove() gives them"
        )
        groups = dict(GROUPS if groups is None else given.mapping(groups, "groups"))
        given.texts(groups.values(), "groups")
        stored = [self._group(name, text.split()) for name, text in groups.items()]
        shown = {"shown": [*groups][::2], **traits}
        super().__init__(groups=stored, **shown)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer `vectors` with all words and their int8 vectors."""
        if request.get("kind") == "vectors":
            return packed(rounded(self._vectors, WORDS))
        return super().answer(request)

    def summary(self) -> str:
        """Return the words of the groups, and how much of the variance the plane keeps."""
        names = ", ".join(self.shown)
        lines = [f"{g['name']}: {', '.join(g['words'].split())}" for g in self.groups]
        return "\n".join([f"{names}: the plane keeps {self.kept():.0%} of their variance", *lines])

    def kept(self) -> float:
        """Return the share of the variance that the two axes hold."""
        words = [w for g in self.groups if g["name"] in self.shown for w in g["words"].split("\n")]
        rows = quantise(np.stack([self._vectors[word] for word in words])).astype(float)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return float((pca(rows, 2) ** 2).sum() / ((rows - rows.mean(0)) ** 2).sum())

    def _group(self, name: str, words: list[str]) -> dict[str, Any]:
        rows = quantise(np.stack([self._vectors[word] for word in words]))
        return {"name": name, "words": "\n".join(words), "vectors": as_base64(rows)}
