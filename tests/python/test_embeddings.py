"""Word vectors answer as gensim does, and what is wrong is a sentence."""

import io
from pathlib import Path

import gensim
import numpy as np
import pytest
from gensim.models import KeyedVectors
from scipy.stats import spearmanr

from lmkit import embeddings
from lmkit.embeddings import WordVectors, edits, load_glove, pca, quantise, read_analogies

DATA = Path(gensim.__file__).parent / "test" / "test_data"
N = 30_000


@pytest.fixture(scope="module")
def glove():
    return load_glove(N)


@pytest.fixture(scope="module")
def oracle(glove):
    vectors = KeyedVectors(vector_size=50)
    vectors.add_vectors(glove.words, glove.vectors)
    return vectors


SUMS = [
    (["king", "woman"], ["man"]),
    (["paris"], []),
    (["bank", "river"], ["money", "loan"]),
    ([], ["good"]),
    (["walking", "walking", "swam"], ["walked"]),
]


@pytest.mark.parametrize(("positive", "negative"), SUMS)
def test_most_similar_is_gensims(glove, oracle, positive, negative):
    ours = glove.most_similar(positive, negative, topn=20)
    theirs = oracle.most_similar(positive=positive, negative=negative, topn=20)
    assert [word for word, _ in ours] == [word for word, _ in theirs]
    np.testing.assert_allclose([s for _, s in ours], [s for _, s in theirs], atol=2e-6)


def test_similarity_and_nearest_are_gensims(glove, oracle):
    for a, b in [("cat", "dog"), ("king", "king"), ("hot", "cold")]:
        assert glove.similarity(a, b) == pytest.approx(oracle.similarity(a, b), abs=1e-6)
    vector = glove["king"] - glove["man"] + glove["woman"]
    theirs = oracle.similar_by_vector(vector, topn=10)
    assert [w for w, _ in glove.nearest(vector, 10)] == [w for w, _ in theirs]


def test_inputs_come_back_when_they_may(glove):
    out = glove.analogy("man", "king", "woman")
    all_words = glove.analogy("man", "king", "woman", exclude_inputs=False)
    assert out[0][0] == "queen" and all_words[0][0] == "king" and all_words[1] == out[0]
    assert not {"king", "man", "woman"} & {
        word for word, _ in glove.analogy("man", "king", "woman", N)
    }


def test_analogies_are_counted_as_gensim_counts_them(glove, oracle, tmp_path):
    """The sections of names are left out: gensim takes 5 ms a question."""
    questions = [q for q in read_analogies() if q[0] in ("family", "currency", "gram2-opposite")]
    file = tmp_path / "questions.txt"
    lines, last = [], ""
    for section, *words in questions:
        lines += [f": {section}"] * (section != last) + [" ".join(words)]
        last = section
    file.write_text("\n".join(lines))
    _, sections = oracle.evaluate_word_analogies(str(file), restrict_vocab=N)
    theirs = {
        s["section"]: (len(s["correct"]), len(s["correct"]) + len(s["incorrect"]))
        for s in sections[:-1]
    }
    ours = {name: (out, n) for name, (out, _, n) in glove.evaluate_analogies(questions).items()}
    assert ours == {name: counts for name, counts in theirs.items() if counts[1]}


def test_allowed_winner_is_the_plain_maximum(glove):
    rng = np.random.default_rng(0)
    ids = rng.integers(0, N, (700, 3))  # more than a block of questions
    excluded, allowed = glove.answers(ids)
    scores = (glove.unit[ids[:, 1]] - glove.unit[ids[:, 0]] + glove.unit[ids[:, 2]]) @ glove.unit.T
    np.testing.assert_array_equal(allowed, scores.argmax(1))
    np.put_along_axis(scores, ids, -np.inf, axis=1)
    np.testing.assert_array_equal(excluded, scores.argmax(1))


@pytest.mark.parametrize(
    ("name", "file"), [("wordsim353", "wordsim353.tsv"), ("simlex999", "simlex999.txt")]
)
def test_similarity_sets_are_gensims(glove, oracle, name, file):
    _, spearman, unknown = oracle.evaluate_word_pairs(str(DATA / file), restrict_vocab=N)
    rho, n = glove.evaluate_similarity(embeddings.read_pairs(name))
    pairs = len(embeddings.read_pairs(name))
    assert rho == pytest.approx(spearman.statistic, abs=1e-6)
    assert unknown == pytest.approx(100 * (pairs - n) / pairs)


def test_google_set_has_19544_questions():
    questions = read_analogies()
    assert len(questions) == 19_544 and len({q[0] for q in questions}) == 14
    assert questions[0] == ("capital-common-countries", "athens", "greece", "baghdad", "iraq")
    assert questions == read_analogies(DATA / "questions-words.txt")


def test_spearman_with_ties_is_scipys():
    rng = np.random.default_rng(1)
    for _ in range(20):
        x, y = rng.integers(0, 6, (2, 40)).tolist()
        assert embeddings.spearman(x, y) == pytest.approx(spearmanr(x, y).statistic)


def test_pca_is_that_of_the_covariance():
    rows = np.random.default_rng(2).normal(size=(40, 7)) * np.arange(1, 8)
    places = pca(rows, 3)
    values = np.sort(np.linalg.eigvalsh(np.cov(rows.T, bias=True)))[::-1]
    np.testing.assert_allclose(places.var(0), values[:3])
    np.testing.assert_allclose(places.mean(0), 0, atol=1e-9)
    assert (places.max(0) >= -places.min(0)).all()
    with pytest.raises(ValueError, match=r"have no 8 principal axes"):
        pca(rows, 8)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("qeen", "queen"), ("KING", "king"), ("pariss", "paris"), ("goverment", "government")],
)
def test_unknown_word_offers_the_nearest_spelling(glove, wrong, right):
    with pytest.raises(ValueError, match=f"unknown word '{wrong}'; did you mean '{right}'"):
        glove[wrong]


def test_unknown_word_with_nothing_near_says_how_many_there_are(glove):
    with pytest.raises(ValueError, match="unknown word 'zzqqxxzz' among 30,000 words"):
        glove.most_similar("zzqqxxzz")


@pytest.mark.parametrize("word", ["", "東京", "😀", "qx", "xqz", "king-man+woman", 40 * "q"])
def test_no_spelling_is_offered_that_shares_hardly_a_letter(glove, word):
    """Two edits of a long word are more strings than fit into memory."""
    assert glove.spelling(word) is None


def test_edits_are_all_strings_at_distance_one():
    once = set(edits("ab"))
    assert {"b", "a", "ba", "xb", "ax", "xab", "axb", "abx"} <= once and "abcd" not in once


def test_wrong_arguments_are_sentences(glove):
    with pytest.raises(ValueError, match="between 1 and 400000, not 0"):
        load_glove(0)
    with pytest.raises(ValueError, match="2 words need as many vectors"):
        WordVectors(["a", "b"], np.ones((3, 2)))
    with pytest.raises(ValueError, match="a word stands twice"):
        WordVectors(["a", "a"], np.eye(2))
    with pytest.raises(ValueError, match="at least one word"):
        glove.most_similar([])
    with pytest.raises(ValueError, match=r"a vector has 50 numbers here, and this one .*\(3,\)"):
        glove.similarity("king", np.ones(3))
    with pytest.raises(ValueError, match="needs two pairs of known words, not 1"):
        glove.evaluate_similarity([("cat", "dog", 9.0), ("cat", "zzqqxx", 1.0)])
    with pytest.raises(
        ValueError, match="no test is called 'men'; there are wordsim353, simlex999"
    ):
        embeddings.read_pairs("men")


def test_questions_of_which_no_word_is_known_count_nothing(glove):
    assert glove.evaluate_analogies([]) == {}
    assert glove.evaluate_analogies([("s", "zzqq", "a", "b", "c")]) == {}


def test_nearest_takes_a_word_or_its_vector(glove):
    by_word, by_vector = glove.nearest("frog", 5), glove.nearest(glove["frog"], 5)
    assert [w for w, _ in by_word] == [w for w, _ in by_vector] and by_word[0][0] == "frog"


def test_int8_keeps_the_directions(glove):
    rows = quantise(glove.vectors[:2000]).astype(float)
    cosines = (rows * glove.unit[:2000]).sum(1) / np.linalg.norm(rows, axis=1)
    assert rows.min() >= -127 and np.abs(rows).max(1).min() == 127 and cosines.min() > 0.9995
    assert quantise(np.zeros((1, 3))).tolist() == [[0, 0, 0]]


def test_topn_beyond_the_vocabulary_gives_all():
    few = WordVectors(["a", "b", "c"], np.eye(3) + 0.1)
    assert len(few.most_similar("a", topn=10)) == 2
    assert len(few.most_similar("a", topn=10, exclude_inputs=False)) == 3


def test_the_site_gets_the_same_words_and_bytes():
    from lmkit import assets
    from tools import word_vectors

    folder = assets.path("glove")
    stream = io.BytesIO(word_vectors.pack(500))
    size = int.from_bytes(stream.read(4), "little")
    words = (folder / "words.txt").read_bytes().split(b"\n")[:500]
    assert stream.read(size).split(b"\n") == words
    stored = np.frombuffer(stream.read(), np.int8).reshape(500, 50)
    vectors = np.load(folder / "vectors.npy")[:500].astype(float)
    scaled = 127 * vectors / np.abs(vectors).max(1, keepdims=True)
    np.testing.assert_allclose(stored, scaled, atol=0.5 + 1e-9, rtol=0)
