"""lmkit.tokenizers against the `tokenizers` package."""

import doctest
import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from lmkit import tokenizers
from lmkit.tokenizers import BPETokenizer, bpe, merge, well_formed, wordpiece, words

TEXTS = [
    "",
    " ",
    "  ",
    "\n",
    "\n\n  \t\r\n",
    "Hello, world!",
    "The quick brown fox jumps over the lazy dog.",
    "To be, or not to be, that is the question:",
    "it's we're they've I'm you'll he'd can't",
    "IT'S WE'RE THEY'VE",
    "don’t “quote” — dash…",
    "    four spaces, then  two   three",
    "trailing space ",
    "tabs\tand\tmore\t\ttabs",
    "0",
    "1234567890",
    "3.14159 -2,000,000 1e-5 0x7F",
    "a1b2c3 1st 2nd 22nd",
    "  12  34  ",
    "٠١٢٣٤٥",
    "½ ² Ⅷ ① 〇",
    "def f(x):\n    return x ** 2  # square\n",
    "for (int i = 0; i < n; ++i) { a[i] += b[i]; }",
    '{"key": [1, 2.5, null, "v"]}',
    "<html><body>&nbsp;</body></html>",
    "https://example.org/a?b=c&d=%20e#f",
    "$x^2 + y_1 \\leq \\frac{1}{2}$",
    "SELECT * FROM t WHERE a='b';",
    "naïve café résumé Zürich",
    "e\u0301 vs é",
    "Straße ﬁne Ǆ İstanbul",
    "Ελληνικά",
    "Русский текст",
    "українська",
    "עברית",
    "العربية",
    "हिन्दी में लिखा",
    "ไทยภาษา",
    "日本語のテキスト",
    "中文，文本。",
    "한국어 텍스트",
    "ქართული",
    "አማርኛ",
    "😀",
    "👩‍👩‍👧‍👦 🇺🇦 👍🏽",
    "🦊 jumps",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈",
    "\u200b\u200d\ufeff\u00ad",
    "a\u00a0b\u2003c\u3000d",
    "\u2028\u2029\x85",
    "\x00\x01\x02\x03\x04\x05\x06\x07\x08",
    "\x0b\x0c\x0e\x13\x14\x16\x1b\x1c\x1d\x1e\x1f\x7f",
    "a\x04b c\x06",
    "\U000f0000\U0010ffff",
    "\ufffd\ufffe",
    "<|endoftext|>",
    "<|im_start|>system\nyou<|im_end|>",
    "unbelievable transformational antidisestablishmentarianism",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "!!!!!!??????......------======",
    "A" * 200 + " " * 70 + "ab" * 100,
    "'",
    "''s 's's",
]
# Characters that have a meaning in Python's Unicode tables: newer ones are split by which
# version a regular-expression engine was built with, ours or the oracle's.
ASSIGNED = st.characters(exclude_categories=("Cs", "Cn"))
SNIPPETS = st.sampled_from([t for t in TEXTS if len(t) < 20] + ["'ll", " the", "12", "  ", "\n"])
ANY_TEXT = st.lists(st.one_of(st.text(ASSIGNED, max_size=8), SNIPPETS), max_size=12).map("".join)


@pytest.fixture(scope="module")
def tokenizer(model):
    return model.tokenizer


def test_there_are_enough_texts():
    assert len(set(TEXTS)) >= 50


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_ids_equal_the_oracle(tokenizer, oracle_tokenizer, text):
    ids = tokenizer.encode(text)
    assert ids == oracle_tokenizer.encode(text).ids
    assert tokenizer.decode(ids) == oracle_tokenizer.decode(ids)


@given(text=ANY_TEXT)
@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_text_equals_the_oracle(tokenizer, oracle_tokenizer, text):
    assert tokenizer.encode(text) == oracle_tokenizer.encode(text).ids


@given(text=ANY_TEXT)
@settings(max_examples=300, deadline=None)
def test_decode_undoes_encode_where_the_vocabulary_has_the_bytes(tokenizer, text):
    known = {tokenizers.CHAR_TO_BYTE[c] for c in tokenizer.vocab if len(c) == 1}
    if known.issuperset(text.encode()):
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_every_id_alone_decodes_as_the_oracle(tokenizer, oracle_tokenizer):
    ids = range(tokenizer.n_vocab)
    assert [tokenizer.decode([i]) for i in ids] == [
        oracle_tokenizer.decode([i], skip_special_tokens=False) for i in ids
    ]


def test_without_split_digits_it_is_gpt2(tokenizer):
    ours = BPETokenizer(tokenizer.vocab, tokenizer.ranks)
    theirs = Tokenizer(models.BPE(vocab=tokenizer.vocab, merges=list(tokenizer.ranks)))
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    for text in TEXTS:
        assert ours.encode(text) == theirs.encode(text).ids, text


class Counted(dict):
    """A dictionary that knows how often it was asked."""

    asked = 0

    def __contains__(self, key):
        self.asked += 1
        return super().__contains__(key)


@pytest.mark.parametrize("unit", ["abcdefghij", "e", "中", "!"])
def test_a_long_text_without_spaces_is_not_quadratic(tokenizer, oracle_tokenizer, unit):
    text = unit * (100_000 // len(unit))
    symbols = [tokenizers.BYTE_TO_CHAR[byte] for byte in text.encode()]
    ranks = Counted(tokenizer.ranks)
    ids = [tokenizer.vocab[symbol] for symbol in merge(symbols, ranks)]
    assert ids == tokenizer.encode(text) == oracle_tokenizer.encode(text).ids
    assert ranks.asked < 3 * len(symbols)  # each pair at the start, and two more a merge


def test_typed_special_tokens_are_text_unless_asked_for(tokenizer):
    text = "a<|im_end|>b<|endoftext|>"
    end, stop = tokenizer.special["<|im_end|>"], tokenizer.special["<|endoftext|>"]
    assert not {end, stop} & set(tokenizer.encode(text))
    assert tokenizer.encode(text, special=True) == [
        *tokenizer.encode("a"), end, *tokenizer.encode("b"), stop
    ]  # fmt: skip
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.decode(tokenizer.encode(text, special=True)) == text


@given(st.text(st.characters(), max_size=30))
def test_typed_text_never_gives_a_special_token(tokenizer, text):
    typed = text + "<|im_start|>" + text + "<|endoftext|>"
    assert not set(tokenizer.special.values()) & set(tokenizer.encode(typed))


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("a\ud800b", "a\ufffdb"),
        ("\udc00", "\ufffd"),
        ("x\ud83d", "x\ufffd"),
        ("\ud83d\ude00", "😀"),  # a whole pair is the character, as in a browser's string
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("\ud800\ud83d\ude00é", "\ufffd😀é"),
    ],
)
def test_half_surrogate_pairs_become_the_replacement_character(tokenizer, text, right):
    assert well_formed(text) == right
    assert tokenizer.encode(text) == tokenizer.encode(right)


def test_parts_of_a_character_are_shown_as_bytes(tokenizer):
    ids = tokenizer.encode("a 🦊")
    assert tokenizer.tokens(ids) == ["a", " \\xf0\\x9f", "\\xa6", "\\x8a"]
    assert tokenizer.decode(ids[:-1]) == "a \ufffd"
    with pytest.raises(UnicodeDecodeError):
        tokenizer.decode(ids[:-1], errors="strict")


@pytest.mark.parametrize("ids", [[-1], [49152], [10**12]])
def test_unknown_ids_are_told(tokenizer, ids):
    with pytest.raises(ValueError, match=r"no token has id .*: ids go from 0 to 49151"):
        tokenizer.decode(ids)


@pytest.mark.parametrize("text", [None, 5, b"bytes", ["a"]])
def test_only_str_can_be_encoded(tokenizer, text):
    with pytest.raises(TypeError, match="text must be a str, not"):
        tokenizer.encode(text)


def naive_merge(symbols, ranks):
    symbols = list(symbols)
    while True:
        pairs = [(ranks.get(p, 999), i) for i, p in enumerate(itertools.pairwise(symbols))]
        rank, i = min(pairs, default=(999, 0))
        if rank == 999:
            return symbols
        symbols[i : i + 2] = [symbols[i] + symbols[i + 1]]


PIECES = st.text("ab", min_size=1, max_size=4)


@given(st.text("ab", max_size=30), st.lists(st.tuples(PIECES, PIECES), unique=True))
def test_merge_equals_the_naive_algorithm(text, pairs):
    ranks = {pair: rank for rank, pair in enumerate(pairs)}
    assert merge(text, ranks) == naive_merge(text, ranks)


def test_an_empty_vocabulary_gives_no_tokens():
    assert BPETokenizer({}, []).encode("abc") == []


def test_a_merge_that_makes_no_token_is_told():
    with pytest.raises(ValueError, match="merge of 'a' and 'b' makes no token of the vocabulary"):
        BPETokenizer({"a": 0, "b": 1}, [("a", "b")])


@pytest.mark.parametrize("module", [words, bpe, wordpiece])
def test_examples_in_docstrings(module):
    results = doctest.testmod(module)
    assert results.attempted and not results.failed
