"""Checks of the coding exercises of chapter 3. A docstring's later lines are the staged hints."""

from lmkit.checks import expect


def cosine_similarity(student):
    """The cosine of the angle between two vectors, formula (3.2).

    What is the dot product divided by?
    A vector's length is the square root of its dot product with itself; divide by both lengths.
    """
    import numpy as np

    u, v = np.array([1.0, 2.0, 2.0]), np.array([2.0, 0.0, 0.0])
    hint = "Divide the dot product by both lengths, and return one number."
    expect(student(u, v), 1 / 3, "cosine_similarity([1, 2, 2], [2, 0, 0])", hint)
    expect(student(u, -3 * u), -1.0, "cosine_similarity(u, -3 u)", "Opposite directions have −1.")
    x, y = np.array([0.5, -1.0, 2.0, 0.0]), np.array([1.5, 1.0, 0.25, -2.0])
    expect(
        student(x, y),
        0.25 / np.sqrt(5.25 * 7.3125),
        "cosine_similarity([.5, -1, 2, 0], [1.5, 1, .25, -2])",
    )


def analogy(student):
    """The word nearest to b − a + c, with a, b and c left out.

    Scale each row to length 1 first. Which inputs does the answer have to leave out?
    The target is unit[b] - unit[a] + unit[c]; set the scores of all three inputs to -inf.
    """
    import numpy as np

    words = ["king", "queen", "man", "woman", "apple"]
    vectors = np.array([[3, 0, 0.6], [0.9, 0, 0.6], [0, 1, 0], [0, 1, 0.1], [0, -1, 1]])
    call = 'analogy(words, vectors, "man", "king", "woman")'
    hint = "Return the word alone, and leave the inputs out."
    expect(student(words, vectors, "man", "king", "woman"), "queen", call, hint)
    words = ["a", "b", "c", "long", "near"]
    vectors = np.array([[1.0, 0, 0], [0.1, 5, 0], [1, 0.2, 1], [0, 30, 90], [0, 1, 0.9]])
    expect(student(words, vectors, "a", "b", "c"), "near", 'analogy(words, vectors, "a", "b", "c")',
           "Directions are compared: scale every vector to length 1.")  # fmt: skip
    words, vectors = (
        ["x", "y", "z", "zero", "one"],
        np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, -1, 1], [-1, 1, 1]]),
    )
    expect(student(words, vectors, "x", "y", "z"), "one", 'analogy(words, vectors, "x", "y", "z")',
           "a is to b as c is to ?: subtract a, add b and c.")  # fmt: skip
    words = ["a", "b", "c", "near", "far"]
    vectors = np.array([[1, 0, 0], [0.95, -0.3, 0], [0.95, 0.3, 0], [-0.1, 0, 1], [-1, 0, 0.2]])
    expect(student(words, vectors, "a", "b", "c"), "near", 'analogy(words, vectors, "a", "b", "c")',
           "Any of the inputs may be nearest, and all other scores negative.")  # fmt: skip


def skip_gram_pairs(student):
    """All pairs (word, neighbour) within a window, as a sorted list.

    A neighbour stands at most `window` places before or after, and is not the word itself.
    For place i the neighbours are at max(0, i - window) to i + window, without i.
    """
    one = [("a", "b"), ("b", "a"), ("b", "c"), ("c", "b")]
    got = student(["a", "b", "c"], 1)
    unsorted = isinstance(got, list | set) and sorted(got) == one
    hint = "These are the pairs: return them as a sorted list." if unsorted else (
        "One place to each side, in both directions.")  # fmt: skip
    expect(got, one, 'skip_gram_pairs(["a", "b", "c"], 1)', hint)
    tokens = ["to", "be", "or", "be", "to"]
    pairs = sorted((tokens[i], tokens[j]) for i in range(5) for j in range(5) if 0 < abs(i - j) < 3)
    hint = "The same word may stand twice: compare places, not words, and keep repeated pairs."
    expect(student(tokens, 2), pairs, f"skip_gram_pairs({tokens}, 2)", hint)
    expect(student(["alone"], 3), [], 'skip_gram_pairs(["alone"], 3)')


def sgns_loss(student):
    """The loss of one pair with its drawn words, formula (3.3).

    Seen: −log σ(u·v). Drawn: −log σ(−u·n), for each of them.
    Add the drawn terms up; σ(z) = 1 / (1 + exp(−z)).
    """
    import numpy as np

    u, v = np.array([1.0, -0.5]), np.array([2.0, 1.0])
    noise = np.array([[0.5, 0.5], [-1.0, 2.0], [3.0, 0.0]])

    def term(z):
        return float(np.log1p(np.exp(-z)))

    zero = np.zeros(2)
    coin = np.zeros((5, 2))
    expect(student(zero, zero, coin), 6 * term(0), "sgns_loss(0, 0, five zeros)", "It is 6 log 2.")
    want = term(u @ v) + sum(term(-(u @ n)) for n in noise)
    expect(student(u, v, noise), want, "sgns_loss([1, -.5], [2, 1], three drawn words)",
           "Mind the sign of the drawn words' dot products.")  # fmt: skip
