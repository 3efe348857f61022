"""Training, WordPiece, words and characters, save and load: against the `tokenizers` package."""

import json
import re
import unicodedata
from collections import Counter
from itertools import pairwise

import pytest
import regex
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_tokenizers import ANY_TEXT, TEXTS
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from lmkit import assets
from lmkit.tokenizers import (
    BPETokenizer,
    ByteTokenizer,
    CharTokenizer,
    PairCounts,
    WordPiece,
    WordTokenizer,
    replace_pair,
)

SLOW = [HealthCheck.too_slow]


@pytest.fixture(scope="module")
def plays():
    return assets.path("shakespeare").read_text("utf-8")


def oracle_bpe(text, vocab_size, split_digits=False, special=()):
    """Byte-level BPE that the `tokenizers` package trains on the same text."""
    tokenizer = Tokenizer(models.BPE())
    steps = [pre_tokenizers.Digits(individual_digits=True)] if split_digits else []
    steps.append(pre_tokenizers.ByteLevel(add_prefix_space=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=list(special),
        show_progress=False,
    )
    tokenizer.train_from_iterator([text], trainer)
    return tokenizer


def oracle_merges(tokenizer):
    return [tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]


# -------------------------------------------------------------------- BPE


@pytest.mark.parametrize(
    ("vocab_size", "split_digits", "special"),
    [(256, False, ()), (1256, False, ()), (3000, True, ("<|endoftext|>", "<|im_end|>"))],
)
def test_merges_and_ids_equal_the_oracle(plays, vocab_size, split_digits, special):
    train, held_out = plays[:300_000], plays[300_000:400_000]
    ours = BPETokenizer.train(train, vocab_size, special, split_digits)
    theirs = oracle_bpe(train, vocab_size, split_digits, special)
    assert ours.merges == oracle_merges(theirs)
    assert ours.special | ours.vocab == theirs.get_vocab()
    assert ours.n_vocab == vocab_size
    for text in [held_out, *(text for text in TEXTS if not text.startswith("<|"))]:
        assert ours.encode(text) == theirs.encode(text).ids


def test_merges_equal_the_oracle_on_many_scripts():
    text = "\n".join(TEXTS) * 2
    ours, theirs = BPETokenizer.train(text, 700), oracle_bpe(text, 700)
    assert ours.merges == oracle_merges(theirs)


def naive_merges(text, n_merges):
    """minbpe's method with the oracle's rule for ties: count everything anew for each merge."""
    split = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    number = {char: i for i, char in enumerate(sorted(alphabet))}
    spell = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    pieces = [spell.pre_tokenize_str(piece)[0][0] for piece in regex.findall(split, text)]
    chunks, names, merges = [[number[c] for c in p] for p in pieces], sorted(alphabet), []
    for _ in range(n_merges):
        counts = Counter(pair for chunk in chunks for pair in pairwise(chunk))
        if not counts:
            break
        pair = min(counts, key=lambda p: (-counts[p], p))
        joined = names[pair[0]] + names[pair[1]]
        if joined not in names:
            names.append(joined)
        chunks = [replace_pair(chunk, pair, names.index(joined)) for chunk in chunks]
        merges.append((names[pair[0]], names[pair[1]]))
    return merges


@given(st.text("ab ", max_size=60))
@settings(max_examples=200, deadline=None, suppress_health_check=SLOW)
def test_counts_kept_up_to_date_equal_counts_made_anew(text):
    ours = BPETokenizer.train(text, 10_000)
    assert ours.merges == naive_merges(text, 10_000)


@given(st.lists(st.lists(st.integers(0, 3), max_size=12), max_size=5))
def test_pair_counts_stay_right_from_merge_to_merge(words):
    pairs, new = PairCounts(words, range(1, len(words) + 1)), 4
    while pair := pairs.most_frequent():
        right = Counter()
        for word, n in zip(pairs.words, pairs.freqs, strict=True):
            for p in pairwise(word):
                right[p] += n
        assert {p: n for p, n in pairs.counts.items() if n} == right
        assert pair == min(right, key=lambda p: (-right[p], p))
        pairs.merge(pair, new)
        new += 1
    assert all(len(word) < 2 for word in pairs.words)


TRAINED = BPETokenizer.train("\n".join(TEXTS), 500)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
@settings(max_examples=500, deadline=None)
def test_round_trip_of_any_text(text):
    for tokenizer in (TRAINED, ByteTokenizer()):
        assert tokenizer.decode(tokenizer.encode(text)) == text
    assert "".join(CharTokenizer.split(text)) == text


@given(st.text(max_size=40), st.integers(0, 40))
@settings(max_examples=100, deadline=None)
def test_round_trip_of_any_text_after_training_on_it(text, more):
    tokenizer = BPETokenizer.train(text, 256 + more)
    right = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert tokenizer.decode(tokenizer.encode(text)) == right
    assert CharTokenizer.train(text, 1000).decode(CharTokenizer.train(text, 1000).encode(text)) == (
        right
    )


SHORT = st.text("abl<|>#ow \u0120\u00e9", max_size=4) | st.text(max_size=3)
SPELT = "is spelt like one that stands for text: give it a name"


def same_after_a_file(tokenizer, folder, text):
    """Save and load; the two must be alike in all that can be asked."""
    file = folder / "tokenizer.json"
    tokenizer.save(file)
    again = type(tokenizer).load(file)
    assert again.special == tokenizer.special and again.n_vocab == tokenizer.n_vocab
    assert again.encode(text) == tokenizer.encode(text)
    ids = sorted({*tokenizer.vocab.values(), *tokenizer.special.values()})
    assert again.tokens(ids) == tokenizer.tokens(ids)
    assert not set(tokenizer.special.values()) & set(again.encode(text))
    return again


@given(st.text("abl<|>#ow \u0120", max_size=30), st.lists(SHORT, max_size=3), st.integers(0, 30))
@settings(max_examples=300, deadline=None, suppress_health_check=SLOW)
def test_special_tokens_of_bpe_survive_a_file_or_are_refused(tmp_path_factory, text, special, more):
    try:
        tokenizer = BPETokenizer.train(text, 256 + len(special) + more, special)
    except ValueError as told:
        alone = BPETokenizer.train(text, 256 + more)
        learned = any(name in alone.vocab for name in special)
        twice = len(set(special)) < len(special)
        odd = not all(special) or any(55296 <= ord(c) < 57344 for name in special for c in name)
        assert learned or twice or odd, str(told)
        return
    folder = tmp_path_factory.mktemp("bpe", numbered=True)
    again = same_after_a_file(tokenizer, folder, text + "".join(special))
    assert again.vocab == tokenizer.vocab and again.merges == tokenizer.merges
    for name in special:
        assert again.encode(name, special=True) == tokenizer.encode(name, special=True)


@pytest.mark.parametrize("kind", [WordTokenizer, CharTokenizer, WordPiece])
@given(text=st.text("abl<|>#ow ", max_size=30), names=st.lists(SHORT, max_size=3, unique=True))
@settings(max_examples=100, deadline=None, suppress_health_check=SLOW)
def test_special_tokens_of_the_others_survive_a_file_or_are_refused(
    tmp_path_factory, kind, text, names
):
    vocab = kind.train(text, 60).vocab
    try:
        tokenizer = kind(vocab, {name: len(vocab) + i for i, name in enumerate(names)})
    except ValueError as told:
        assert re.search(f"{SPELT}|needs a name of whole characters", str(told))
        return
    same_after_a_file(tokenizer, tmp_path_factory.mktemp("other"), text + " ".join(names))


@pytest.mark.parametrize(
    ("text", "size", "special"),
    [
        ("a a a", 257, "a"),
        ("low low lower", 300, "low"),
        ("a low low", 300, "Ġlow"),
        ("", 257, "Ġ"),
        ("ab ab", 300, "ab"),
    ],
)
def test_a_special_token_that_a_text_can_spell_is_refused(text, size, special):
    with pytest.raises(ValueError, match=f"the special token '{special}' {SPELT}"):
        BPETokenizer.train(text, size, special=(special,))
    with pytest.raises(ValueError, match=r"a special token stands twice among <x>, <x>"):
        BPETokenizer.train(text, 300, special=("<x>", "<x>"))
    with pytest.raises(ValueError, match="the special token 'b' is one of the text"):
        WordPiece.train("b", 10, special=("[UNK]", "b"))


def test_special_tokens_come_first_and_are_not_forged():
    tokenizer = BPETokenizer.train("aaaa", 260, special=["<|end|>"])
    assert tokenizer.special == {"<|end|>": 0}
    assert 0 not in tokenizer.encode("<|end|>")
    assert tokenizer.encode("<|end|>", special=True) == [0]


@pytest.mark.parametrize("kind", [WordTokenizer, CharTokenizer, WordPiece])
def test_a_vocabulary_without_the_unknown_token_is_told(kind):
    with pytest.raises(ValueError, match=f"vocab must hold '{regex.escape(kind.unknown)}', for"):
        kind({"a": 0})


def test_training_says_what_is_wrong():
    with pytest.raises(ValueError, match="at least 257, for the 256 bytes and 1 special tokens"):
        BPETokenizer.train("a", 256, special=["<|end|>"])
    with pytest.raises(TypeError, match="train needs a str, not bytes"):
        BPETokenizer.train(b"a", 300)
    with pytest.raises(ValueError, match="at least 3, for the text's characters, not 2"):
        WordPiece.train("ab", 2)
    with pytest.raises(ValueError, match="1 or more, for <unk>, not 0"):
        WordTokenizer.train("a", 0)


# -------------------------------------------------------------- WordPiece


@pytest.fixture(scope="module")
def minilm_file():
    return assets.path("minilm") / "tokenizer.json"


@pytest.fixture(scope="module")
def minilm(minilm_file):
    """MiniLM's tokenizer, read by the `tokenizers` package; a "[SEP]" in a text is text."""
    tokenizer = Tokenizer.from_file(str(minilm_file))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.encode_special_tokens = True
    return tokenizer


@pytest.mark.parametrize("text", ["[SEP] and [MASK] in a text are text", *TEXTS])
def test_minilm_ids_equal_the_oracle(minilm_file, minilm, text):
    ours = WordPiece.load(minilm_file)
    ids = minilm.encode(text, add_special_tokens=False).ids
    assert ours.encode(text) == ids
    assert ours.tokens(ids) == [minilm.id_to_token(i) for i in ids]


def settled(text):
    """Without characters that Unicode 3.2 did not know or saw otherwise: the oracle's are old."""
    old = unicodedata.ucd_3_2_0.category
    return "".join(c for c in text if old(c) == unicodedata.category(c))


@given(text=ANY_TEXT.map(settled))
@settings(max_examples=1000, deadline=None, suppress_health_check=SLOW)
def test_any_text_equals_minilm(minilm_file, minilm, text):
    ours = _loaded(minilm_file)
    assert ours.encode(text) == minilm.encode(text, add_special_tokens=False).ids


_CACHE = {}


def _loaded(file):
    if file not in _CACHE:
        _CACHE[file] = WordPiece.load(file)
    return _CACHE[file]


def test_trained_wordpiece_is_that_of_the_oracle_but_for_ties(plays):
    text, size = plays[:200_000], 1500
    ours = WordPiece.train(text, size)
    theirs = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    theirs.normalizer = normalizers.BertNormalizer()
    theirs.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=["[UNK]"], show_progress=False
    )
    theirs.train_from_iterator([text], trainer)
    vocab = set(theirs.get_vocab())
    assert ours.n_vocab == size == len(vocab)
    # the oracle numbers the letters inside words in the order of a hash table: ties fall anyhow
    assert len(vocab & set(ours.vocab)) > 0.97 * size
    same = Tokenizer(models.WordPiece(vocab=ours.vocab, unk_token="[UNK]"))
    same.normalizer, same.pre_tokenizer = theirs.normalizer, theirs.pre_tokenizer
    for text in [plays[500_000:520_000], *TEXTS]:
        assert ours.encode(text) == same.encode(text).ids


def test_a_word_that_cannot_be_covered_is_unknown():
    tokenizer = WordPiece({"[UNK]": 7, "a": 1, "##a": 2, "##ab": 3})
    assert tokenizer.encode("aaab ab aa c a!") == [1, 2, 3, 7, 1, 2, 7, 1, 7]
    assert tokenizer.encode("a" * 100) == [1] + [2] * 99
    assert tokenizer.encode("a" * 101) == [7]
    assert tokenizer.decode([1, 2, 3, 1]) == "aaab a"


# ---------------------------------------------------- words and characters


def test_the_units_words_and_characters():
    words = WordTokenizer.train("Arya is amazing!", 100)
    assert words.tokens(words.encode("Arya is amazing!")) == ["Arya", "is", "amazing", "!"]
    characters = CharTokenizer.train("Arya", 100)
    assert characters.tokens(characters.encode("Arya")) == ["A", "r", "y", "a"]
    assert words.tokens(words.encode("Sansa is amazing?")) == ["<unk>", "is", "amazing", "<unk>"]


@pytest.mark.parametrize("kind", [WordTokenizer, CharTokenizer])
def test_vocabulary_is_the_most_frequent_pieces(kind, plays):
    tokenizer = kind.train(plays[:50_000], 50)
    counts = Counter(kind.split(plays[:50_000]))
    least = min(counts[token] for token in tokenizer.vocab if token != "<unk>")
    left_out = [counts[piece] for piece in counts if piece not in tokenizer.vocab]
    assert tokenizer.n_vocab == 50 and max(left_out) <= least


@given(ANY_TEXT)
@settings(max_examples=300, deadline=None, suppress_health_check=SLOW)
def test_words_are_those_of_the_oracle(text):
    pattern = Regex(r"[\p{L}\p{M}\p{N}\p{Pc}]+|[^\s\p{L}\p{M}\p{N}\p{Pc}]")
    oracle = pre_tokenizers.Split(pattern, "removed", invert=True)
    assert WordTokenizer.split(text) == [piece for piece, _ in oracle.pre_tokenize_str(text)]


# ---------------------------------------------------------- save and load


@pytest.mark.parametrize("kind", [WordTokenizer, CharTokenizer, BPETokenizer, WordPiece])
def test_a_saved_tokenizer_is_read_by_us_and_by_the_oracle(kind, plays, tmp_path):
    ours = kind.train(plays[:20_000], 400)
    file = tmp_path / "tokenizer.json"
    ours.save(file)
    again, theirs = kind.load(file), Tokenizer.from_file(str(file))
    assert theirs.get_vocab_size() == ours.n_vocab
    for text in [plays[30_000:40_000], *TEXTS]:
        assert again.encode(text) == ours.encode(text)
        assert theirs.encode(text).ids == ours.encode(text)


def test_smollm2_and_digits_survive_save_and_load(model, oracle_tokenizer, tmp_path):
    file = tmp_path / "tokenizer.json"
    model.tokenizer.save(file)
    again, theirs = BPETokenizer.load(file), Tokenizer.from_file(str(file))
    assert again.special == model.tokenizer.special and again.split_digits
    for text in TEXTS:
        ids = oracle_tokenizer.encode(text).ids
        assert again.encode(text) == ids
        if "<|" not in text:  # there the package takes typed special tokens for real ones
            assert theirs.encode(text).ids == ids


def test_other_files_are_told(tmp_path, minilm_file):
    with pytest.raises(ValueError, match="of the kind WordPiece, not BPE"):
        BPETokenizer.load(minilm_file)
    CharTokenizer.train("abc", 9).save(tmp_path / "c.json")
    with pytest.raises(ValueError, match="does not split text as WordTokenizer does"):
        WordTokenizer.load(tmp_path / "c.json")
    oracle_bpe("a", 256).save(str(tmp_path / "b.json"))
    assert BPETokenizer.load(tmp_path / "b.json").encode("a") == [64]
    other = Tokenizer(models.BPE())
    other.pre_tokenizer = pre_tokenizers.Whitespace()
    other.save(str(tmp_path / "w.json"))
    with pytest.raises(ValueError, match="does not split text as GPT-2 does"):
        BPETokenizer.load(tmp_path / "w.json")
    prefixed = oracle_bpe("a", 256)
    prefixed.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    normalised = oracle_bpe("a", 256)
    normalised.normalizer = normalizers.NFC()
    for other, why in [(prefixed, "add_prefix_space"), (normalised, "NFC")]:
        other.save(str(tmp_path / "o.json"))
        with pytest.raises(ValueError, match=f"does not split text as GPT-2 does, but by .*{why}"):
            BPETokenizer.load(tmp_path / "o.json")
    for rules in ({"lowercase": False}, {"strip_accents": False}):
        cased = Tokenizer(models.WordPiece({"[UNK]": 0}, unk_token="[UNK]"))
        cased.normalizer = normalizers.BertNormalizer(**rules)
        cased.save(str(tmp_path / "c.json"))
        with pytest.raises(ValueError, match="keeps capitals or accents"):
            WordPiece.load(tmp_path / "c.json")
    (tmp_path / "x.json").write_text("[1]")
    with pytest.raises(ValueError, match=r"x\.json is no tokenizer\.json"):
        WordPiece.load(tmp_path / "x.json")


@pytest.mark.parametrize("kind", [WordTokenizer, CharTokenizer, BPETokenizer, WordPiece])
def test_unknown_ids_are_told_by_all(kind):
    size = 256 if kind is BPETokenizer else 20
    tokenizer = kind.train("ab", size)
    with pytest.raises(ValueError, match="no token has id 999: ids go from 0 to"):
        tokenizer.decode([999])
