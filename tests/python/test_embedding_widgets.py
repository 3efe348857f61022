"""The widgets of chapter 3: their answers, what they store, and vectors shared with the browser."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest

from lmkit.embeddings import WordVectors, pca, quantise
from lmkit.widgets import ContextualBank, EmbeddingArithmetic, EmbeddingMap
from lmkit.widgets.contextual_bank import last_piece, last_token, pack, unpack
from lmkit.widgets.embedding_arithmetic import left_out, packed, parse, rounded, solve

VECTORS = Path(__file__).parent.parent / "data" / "embeddings.json"
WORDS = ["king", "queen", "man", "woman", "prince", "dog", "cat", "paris", "been", "seen", "x-ray"]


SPELT = ("qeen", "KING", "sen", "zzzzzz", "pari", "kat", "ca", "東京", "😀", "pricne", "q" * 40)
REFUSED = ("", "king -", "king queen", "king + - man", "king +- man", "+")


def toy():
    rows = np.random.default_rng(3).normal(size=(len(WORDS), 6))
    rows[1] = rows[0] - rows[2] + rows[3] + 0.1
    return WordVectors(WORDS, rows)


def contents():
    """Sums, spellings, principal axes and Gram matrices, as Python has them."""
    table = rounded(toy(), len(WORDS))
    sums = ["king - man + woman", "dog", "Cat + dog − paris", "king + king", "- man + queen"]
    sums += ["king-man+woman", "x-ray - dog", "king −man"]
    rows = np.random.default_rng(4).normal(size=(9, 5)) * [5, 3, 1, 1, 1]
    gram = rows @ rows.T
    centred = rows - rows.mean(0)
    return {
        "packed": packed(table),
        "solved": [{"text": text, **solve(table, text)} for text in sums],
        "spelt": [[w, table.spelling(w)] for w in SPELT],
        "refused": [[text, refused(text)] for text in REFUSED],
        "rows": rows.round(6).tolist(),
        "places": pca(rows.round(6)).round(5).tolist(),
        "gram": gram.tolist(),
        "centred": (centred @ centred.T).round(6).tolist(),
        "packed_gram": pack(rows),
    }


def refused(text):
    with pytest.raises(ValueError) as error:
        parse(text)
    return str(error.value)


def test_shared_vectors_are_current():
    """The browser is tested on this file; running this module makes it anew."""
    stored = json.loads(VECTORS.read_text("utf-8"))
    now = json.loads(json.dumps(contents()))
    assert stored.keys() == now.keys()
    for name in stored:
        if name in ("gram", "centred", "places", "rows"):
            np.testing.assert_allclose(stored[name], now[name], atol=2e-5)
        else:
            assert stored[name] == now[name]


def test_a_sum_is_that_of_unit_vectors():
    table = toy()
    answer = solve(table, "king - man + woman")
    theirs = table.most_similar(["king", "woman"], ["man"], topn=20, exclude_inputs=False)
    assert [w for w, _ in answer["ranked"]] == [w for w, _ in theirs]
    assert [w for w, _ in left_out(answer)] == [
        w for w, _ in theirs if w not in ("king", "man", "woman")
    ][:8]
    units = np.array([table.unit[table.id(w)] for w in ("king", "man", "woman")])
    np.testing.assert_allclose(np.array(answer["gram"])[:3, :3], units @ units.T, atol=1e-4)


def test_a_hyphen_is_a_minus_where_it_makes_no_known_word():
    assert parse("x-ray-king", {"x-ray-king"}) == (["x-ray-king"], [1])
    assert parse("x-ray - king", {"x-ray"}) == (["x-ray", "king"], [1, -1])
    assert parse("x-ray-king") == (["x", "ray", "king"], [1, -1, -1])
    assert parse("-king+man") == (["king", "man"], [-1, 1])


def test_nothing_is_near_to_a_sum_of_nothing():
    with pytest.raises(ValueError, match="taken away again: no word is near to nothing"):
        solve(toy(), "king - king")


def test_arithmetic_stores_answers_and_hands_out_vectors():
    widget = EmbeddingArithmetic(toy(), (("works", "king - man + woman", "Note."),))
    reply = widget.answer({"kind": "vectors"})
    rows = np.frombuffer(base64.b64decode(reply["vectors"]), np.int8).reshape(len(WORDS), 6)
    np.testing.assert_array_equal(rows, quantise(toy().vectors))
    assert reply["words"].split("\n") == WORDS
    assert "king - man + woman: queen" in widget.summary()
    with pytest.raises(ValueError, match="knows no request"):
        widget.answer({"kind": "nonsense"})
    with pytest.raises(ValueError, match=r"unknown word 'qeen'; did you mean 'queen'"):
        EmbeddingArithmetic(toy(), (("works", "qeen", ""),))


def test_map_stores_its_groups():
    widget = EmbeddingMap(toy(), {"royal": "king queen prince", "pets": "dog cat"}, shown=["royal"])
    assert widget.kept() == pytest.approx(1)  # three points lie in a plane
    assert widget.groups[1]["words"] == "dog\ncat"
    assert "royal: king, queen, prince" in widget.summary()
    html = widget._repr_mimebundle_()[0]["text/html"]
    assert (
        html
        == EmbeddingMap(
            toy(), {"royal": "king queen prince", "pets": "dog cat"}, shown=["royal"]
        )._repr_mimebundle_()[0]["text/html"]
    )


class Bert:
    name = "Bert"

    def tokens(self, text):
        return text.lower().replace(".", " .").split()

    def __call__(self, text):
        import torch

        tokens = ["[CLS]", *self.tokens(text), "[SEP]"]
        hidden = torch.ones(2, len(tokens), 4) * len(tokens)
        hidden[1, :, 0] = torch.arange(len(tokens)).float()
        return type("Output", (), {"tokens": tokens, "hidden_states": hidden})


class Gpt:
    name = "Gpt"

    def begin(self, text):
        return [0, *text.encode()]

    def tokens(self, ids):
        return ["<s>" if i == 0 else chr(i) for i in ids]

    def inside(self, ids):
        import torch

        hidden = torch.tensor([[[float(k), 1.0] for k in range(len(ids))]] * 3)
        return type("Output", (), {"hidden_states": hidden})


def test_bank_stores_the_dot_products_of_each_layer():
    sentences = ["The bank.", "A big bank.", "The bank closed."]
    widget = ContextualBank(toy(), Bert(), Gpt(), sentences, "bank", layer=1)
    bert, gpt, glove = widget.models
    assert [len(m["grams"]) for m in (bert, gpt, glove)] == [2, 3, 1]
    np.testing.assert_allclose(unpack(gpt["grams"][0])[0], [(8 * x + 1) / 2 for x in (8, 10, 8)])
    assert unpack(bert["grams"][0]).shape == (3, 3)
    assert "The bank." in widget.summary()
    widget.which = 2  # GloVe has no layer 1
    assert "GloVe, layer 0" in widget.fallback()
    with pytest.raises(ValueError, match="3 sentences need as many senses or none, not 2"):
        ContextualBank(toy(), Bert(), Gpt(), sentences, "bank", senses=["money", "river"])
    reply = widget.answer({"kind": "word-vectors", "sentences": sentences[:2], "word": "bank"})
    assert len(reply["models"][0]["grams"][0]) == 3
    for bad, said in [
        (sentences[:1], "Give 2 to 12 sentences, not 1"),
        (["The bank.", "The banker."], "“bank” does not stand as a word in “The banker.”"),
        (["The bank.", "bank " * 50], "may have 200 characters"),
    ]:
        with pytest.raises(ValueError, match=said):
            widget.answer({"kind": "word-vectors", "sentences": bad, "word": "bank"})


def test_a_word_is_found_where_it_ends():
    assert last_piece(["[CLS]", "river", "##bank", "bank"], ["bank"], "", "bank") == 3
    assert last_piece(["[CLS]", "un", "##do", "##ne"], ["un", "##do", "##ne"], "", "undone") == 3
    with pytest.raises(ValueError, match="does not stand"):
        last_piece(["[CLS]", "un", "##do"], ["un"], "undo", "un")
    assert last_token(["<s>", "The", " river", "bank", " bank", "."], "", "bank") == 4
    assert last_token(["<s>", " un", "bel", "iev", "able"], "", "unbelievable") == 4
    assert last_token(["<s>", "İst", "anbul", " BANK", "!"], "", "bank") == 3  # "İ".lower() is two


def test_unpack_undoes_pack_with_negative_entries():
    rows = np.random.default_rng(5).normal(size=(5, 3))
    np.testing.assert_allclose(unpack(pack(rows)), rows @ rows.T / 3, rtol=1e-5)


if __name__ == "__main__":
    VECTORS.write_text(json.dumps(contents(), separators=(",", ":"), ensure_ascii=False) + "\n")
