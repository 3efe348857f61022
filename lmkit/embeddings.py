"""Word vectors that do not know their context: neighbours, analogies, a plane, tests (chapter 3).

`load_glove()` gives GloVe's 400,000 words, 50 numbers each (Pennington et al. 2014). Scores are
cosines. What gensim's `KeyedVectors` answers, `WordVectors` answers too, and the tests hold it
to that; the evaluation of analogies is done for many questions at once.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from lmkit import assets, given

Array = np.ndarray
Ranking = list[tuple[str, float]]
Word = str | Array  # a word of the vocabulary, or a vector (d,) of one's own
BLOCK = 4096  # words scored at once: the scores of 512 questions stay in the cache


class WordVectors:
    """Words and their vectors (V, d), the most frequent word first.

    >>> wv = WordVectors(["king", "queen", "bread"], np.array([[3.0, 1], [1, 1], [0, 2]]))
    >>> wv.most_similar("king", topn=1)[0][0]
    'queen'
    """

    def __init__(self, words: Sequence[str], vectors: Array) -> None:
        self.words = given.texts(words, "words")
        self.vectors = _rows(vectors, "vectors")  # (V, d)
        if len(self.words) != len(self.vectors):
            raise ValueError(
                f"{len(words)} words need as many vectors (V, d), not {np.shape(vectors)}"
            )
        self.index = {word: i for i, word in enumerate(self.words)}
        if len(self.index) < len(self.words):
            raise ValueError("a word stands twice in the list: give each of them one vector")
        norms = np.linalg.norm(self.vectors, axis=1, keepdims=True)
        self.unit = self.vectors / np.maximum(norms, 1e-12)  # (V, d)

    def __len__(self) -> int:
        """Give the number of words."""
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        """Tell whether a word is known."""
        return word in self.index

    def __getitem__(self, word: str) -> Array:
        """Give a word's vector (d,); ValueError as in `id`."""
        row: Array = self.vectors[self.id(word)]
        return row

    def id(self, word: str) -> int:
        """Give a word's row; ValueError offers the nearest spelling."""
        if given.text(word, "word") not in self.index:
            near = self.spelling(word)
            hint = f"; did you mean {near!r}?" if near else f" among {len(self):,} words"
            raise ValueError(f"unknown word {word!r}{hint}")
        return self.index[word]

    def spelling(self, word: str) -> str | None:
        """Give the known word nearest to a misspelt one, one edit away or two, or None.

        Among equals the first letter decides, then frequency. Words of fewer than five letters are
        allowed one edit, fewer than three none, and of more than 20 none: two edits of 20 letters
        are a million strings.

        >>> WordVectors(["been", "queen"], np.eye(2)).spelling("qeen")
        'queen'
        """
        if given.text(word, "word").lower() in self.index:
            return word.lower()
        if not 3 <= len(word) <= 20:
            return None
        once = set(edits(word.lower()))
        twice = (two for one in once for two in edits(one)) if len(word) > 4 else ()
        for near in (once, twice):
            if found := {w for w in near if w in self.index}:
                return min(found, key=lambda w: (w[:1] != word[:1].lower(), self.index[w]))
        return None

    def similarity(self, a: Word, b: Word) -> float:
        """Give the cosine of two words' vectors."""
        return float(self._unit(a) @ self._unit(b))

    def most_similar(
        self,
        positive: Word | Iterable[Word],
        negative: Word | Iterable[Word] = (),
        topn: int = 10,
        exclude_inputs: bool = True,
    ) -> Ranking:
        """Give the words nearest to the sum of unit vectors, with their cosines.

        Each input is scaled to length 1, added or subtracted. With `exclude_inputs` the words that
        were given are left out of the answer, as word2vec's own tool and gensim do.
        """
        plus, minus = _several(positive, "positive"), _several(negative, "negative")
        if not plus and not minus:
            raise ValueError('give at least one word: most_similar("king")')
        target = sum((self._unit(w) for w in plus), np.zeros(self.unit.shape[1]))
        target = target - sum(self._unit(w) for w in minus)
        inputs = [w for w in (*plus, *minus) if isinstance(w, str)]
        return self.nearest(target, topn, without=inputs if exclude_inputs else ())

    def nearest(self, vector: Word, topn: int = 10, without: Iterable[str] = ()) -> Ranking:
        """Give the topn words nearest to a vector (d,) by cosine, without some."""
        given.whole(topn, "topn", least=1)
        scores = self.unit @ self._unit(vector).astype(self.unit.dtype)  # (V,)
        ignored = [self.id(word) for word in given.texts(without, "without")]
        scores[ignored] = -np.inf
        topn = min(topn, len(scores) - len(set(ignored)))
        top = np.argpartition(-scores, topn - 1)[:topn] if topn > 0 else np.array([], int)
        top = top[np.lexsort((top, -scores[top]))]
        return [(self.words[i], float(scores[i])) for i in top]

    def analogy(
        self, a: str, b: str, c: str, topn: int = 5, exclude_inputs: bool = True
    ) -> Ranking:
        """Answer *a is to b as c is to ?*, which is b − a + c (Mikolov et al. 2013)."""
        return self.most_similar([b, c], [a], topn, exclude_inputs)

    def pca(self, words: Iterable[Word], k: int = 2) -> Array:
        """Give the words' places (n, k) on the k axes along which their vectors vary most."""
        return pca(np.stack([self._unit(word) for word in _several(words, "words")]), k)

    def answers(self, questions: Array) -> tuple[Array, Array]:
        """Answer questions (n, 3) of ids a, b, c: the ids that win without and with the inputs.

        Both come from one pass: whoever wins with the inputs allowed either wins without them too
        or is one of the three.
        """
        if np.ndim(questions) != 2 or np.shape(questions)[1] != 3:
            raise TypeError("questions must be an array (n, 3) of the ids of three words")
        a, b, c = questions.T
        targets = self.unit[b] - self.unit[a] + self.unit[c]  # (n, d)
        excluded = np.zeros(len(questions), int)
        for start in range(0, len(questions), 512):
            part = slice(start, start + 512)
            excluded[part] = self._winners(targets[part], questions[part])
        among = np.column_stack([excluded, questions])  # (n, 4)
        scores = np.einsum("nkd,nd->nk", self.unit[among], targets)
        return excluded, among[np.arange(len(among)), scores.argmax(1)]

    def _winners(self, targets: Array, inputs: Array) -> Array:
        best, winner = np.full(len(targets), -np.inf, np.float32), np.zeros(len(targets), int)
        for start in range(0, len(self), BLOCK):
            scores = targets @ self.unit[start : start + BLOCK].T  # (n, BLOCK)
            rows, columns = np.nonzero((inputs >= start) & (inputs < start + BLOCK))
            scores[rows, inputs[rows, columns] - start] = -np.inf
            at = scores.argmax(1)
            score = scores[np.arange(len(at)), at]
            better = score > best
            best[better], winner[better] = score[better], start + at[better]
        return winner

    def evaluate_analogies(
        self, questions: Iterable[tuple[str, str, str, str, str]]
    ) -> dict[str, tuple[int, int, int]]:
        """Count the right answers by section: without the inputs, with them allowed, of how many.

        `questions` are those of `read_analogies`; those with an unknown word are left out.
        """
        rows = given.rows(questions, "questions", 5, "a section and four words")
        known = [q for q in rows if all(word in self.index for word in q[1:])]
        ids = np.array([[self.index[word] for word in q[1:]] for q in known], int).reshape(-1, 4)
        excluded, allowed = self.answers(ids[:, :3])
        table: dict[str, tuple[int, int, int]] = {}
        for (section, *_), right, also in zip(
            known, excluded == ids[:, 3], allowed == ids[:, 3], strict=True
        ):
            n = table.get(section, (0, 0, 0))
            table[section] = (n[0] + int(right), n[1] + int(also), n[2] + 1)
        return table

    def evaluate_similarity(self, pairs: Iterable[tuple[str, str, float]]) -> tuple[float, int]:
        """Give Spearman's rank correlation of cosines with people's ratings, and of how many pairs.

        `pairs` are those of `read_pairs`; those with an unknown word are left out, and ValueError
        says so when fewer than two are known.
        """
        rows = given.rows(pairs, "pairs", 3, "two words and a number")
        known = [(a, b, r) for a, b, r in rows if a in self.index and b in self.index]
        if len(known) < 2:
            raise ValueError(f"a rank correlation needs two pairs of known words, not {len(known)}")
        cosines = [self.similarity(a, b) for a, b, _ in known]
        return spearman(cosines, [rating for *_, rating in known]), len(known)

    def _unit(self, word: Word) -> Array:
        if isinstance(word, str):
            return np.asarray(self.unit[self.id(word)])
        vector, (_, d) = np.asarray(word), self.unit.shape
        if vector.dtype.kind not in "fiu" or not vector.ndim:
            raise given.wrong("a word", f"a str or a vector of {d} numbers", word)
        if vector.shape != (d,):
            raise ValueError(f"a vector has {d} numbers here, and this one shape {vector.shape}")
        return vector / max(float(np.linalg.norm(vector)), 1e-12)


def load_glove(vocab_size: int | None = None) -> WordVectors:
    """Load GloVe 6B, 50 numbers a word: the vocab_size most frequent words, or all 400,000."""
    folder = assets.path("glove")
    words = (folder / "words.txt").read_text("utf-8").split("\n")[:-1]
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    if vocab_size is not None:
        given.whole(vocab_size, "vocab_size", 1, len(words))
    return WordVectors(words[:vocab_size], np.ascontiguousarray(vectors[:vocab_size]))


def read_analogies(path: Path | None = None) -> list[tuple[str, str, str, str, str]]:
    """Read Google's questions (Mikolov et al. 2013) in lower case: section, a, b, c, d."""
    path = assets.path("word-tests") / "questions-words.txt" if path is None else given.path(path)
    questions, section = [], ""
    for line in path.read_text("utf-8").splitlines():
        if line.startswith(":"):
            section = line[1:].strip()
        elif line.strip():
            if len(words := line.lower().split()) != 4:
                raise ValueError(f"{path} holds the line {line!r}, which is not of four words")
            a, b, c, d = words
            questions.append((section, a, b, c, d))
    return questions


def read_pairs(name: str) -> list[tuple[str, str, float]]:
    """Read "wordsim353" (Finkelstein et al. 2002) or "simlex999" (Hill et al. 2015)."""
    files = {"wordsim353": "wordsim353.tsv", "simlex999": "simlex999.txt"}
    if given.text(name, "name") not in files:
        raise ValueError(f"no test is called {name!r}; there are {', '.join(files)}")
    text = (assets.path("word-tests") / files[name]).read_text("utf-8")
    lines = [line.split("\t") for line in text.splitlines() if line and line[0] != "#"]
    return [(a.lower(), b.lower(), float(rating)) for a, b, rating in lines]


def spearman(x: Sequence[float], y: Sequence[float]) -> float:
    """Give the correlation of ranks; equal values share the mean of their ranks.

    >>> spearman([1, 2, 3], [10, 20, 15])
    0.5
    """
    a, b = given.numbers(x, "x"), given.numbers(y, "y")
    if len(a) != len(b) or len(a) < 2:
        raise ValueError(f"x and y must be two numbers or more each, not {len(a)} and {len(b)}")
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(x: Sequence[float]) -> Array:
    _, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    last: Array = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse]


def pca(vectors: Array, k: int = 2) -> Array:
    """Give the places (n, k) of vectors (n, d) on their first k principal axes.

    An axis could point either way; it points to the side of its farthest vector.

    >>> pca(np.array([[1.0, 0], [2, 0], [6, 0]]), k=1).ravel().round(6).tolist()
    [-2.0, -1.0, 3.0]
    """
    vectors = _rows(vectors, "vectors")
    if not 0 < given.whole(k, "k") <= min(vectors.shape):
        raise ValueError(f"vectors {vectors.shape} have no {k} principal axes")
    centred = vectors - vectors.mean(0)
    u, s, _ = np.linalg.svd(centred.astype(float), full_matrices=False)
    places: Array = u[:, :k] * s[:k]  # (n, k)
    farthest = places[np.abs(places).argmax(0), np.arange(k)]
    return places * np.where(farthest < 0, -1, 1)


def quantise(vectors: Array) -> Array:
    """Give vectors (n, d) as int8, each scaled so that its largest entry is 127: directions stay.

    >>> quantise(np.array([[1.0, -2.0]])).tolist()
    [[64, -127]]
    """
    exact = _rows(vectors, "vectors").astype(float)
    largest = np.maximum(np.abs(exact).max(1, keepdims=True), 1e-12)
    return np.rint(127 * (exact / largest)).astype(np.int8)


def edits(word: str) -> Iterator[str]:
    """Give all that is one deletion, swap of neighbours, replacement or insertion away."""
    given.text(word, "word")
    letters = "abcdefghijklmnopqrstuvwxyz"
    for i in range(len(word) + 1):
        before, after = word[:i], word[i:]
        if after:
            yield before + after[1:]
            yield from (before + letter + after[1:] for letter in letters)
        if len(after) > 1:
            yield before + after[1] + after[0] + after[2:]
        yield from (before + letter + after for letter in letters)


def _several(words: Word | Iterable[Word], name: str) -> list[Word]:
    if isinstance(words, str) or (isinstance(words, np.ndarray) and words.ndim == 1):
        return [words]
    return list(given.each(words, name, "a word, a vector or a list of such"))


def _rows(vectors: Array, name: str) -> Array:
    try:
        found = np.asarray(vectors)
    except ValueError:  # rows of unequal length
        found = np.empty(0, object)
    if found.ndim != 2 or found.dtype.kind not in "fiu":
        raise given.wrong(name, "an array of numbers, a row per vector", vectors)
    return found
