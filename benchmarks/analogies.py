"""Google's analogies over GloVe: lmkit's evaluation against gensim's, in one run.

Run: python benchmarks/analogies.py [--per-section 100 | --all]
Both have the same 400,000 vectors and one thread, and take turns section by section. By default
the first 100 questions of each section are asked, since gensim takes minutes for all of them.
Their right answers must be equal, section by section. Needs requirements-test.txt; writes
results/analogies.json.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

RESULTS = Path(__file__).parent / "results" / "analogies.json"


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--per-section", type=int, default=100)
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()

    import gensim
    from gensim.models import KeyedVectors

    from lmkit.embeddings import load_glove, read_analogies

    glove = load_glove()
    theirs = KeyedVectors(vector_size=50)
    theirs.add_vectors(glove.words, glove.vectors)
    theirs.fill_norms()
    sections: dict[str, list[tuple[str, str, str, str, str]]] = {}
    for question in read_analogies():
        sections.setdefault(question[0], []).append(question)

    seconds, counts = {"lmkit": 0.0, "gensim": 0.0}, {}
    with tempfile.TemporaryDirectory() as folder:
        for name, questions in sections.items():
            asked = questions if options.all else questions[: options.per_section]
            start = time.perf_counter()
            ours = glove.evaluate_analogies(asked)[name]
            seconds["lmkit"] += time.perf_counter() - start
            file = Path(folder) / "questions.txt"
            file.write_text("\n".join([f": {name}", *(" ".join(q[1:]) for q in asked)]), "utf-8")
            start = time.perf_counter()
            _, found = theirs.evaluate_word_analogies(str(file), restrict_vocab=len(glove))
            seconds["gensim"] += time.perf_counter() - start
            right, wrong = (len(found[0][kind]) for kind in ("correct", "incorrect"))
            assert (right, right + wrong) == (ours[0], ours[2]), (name, right, ours)
            counts[name] = {"right": ours[0], "right_inputs_allowed": ours[1], "of": ours[2]}
            print(f"{name:>28} {right:5} of {ours[2]:5}  {seconds}", flush=True)
    n = sum(c["of"] for c in counts.values())
    figures = {
        "machine": f"{platform.machine()}, 1 thread",
        "gensim": gensim.__version__,
        "words": len(glove),
        "questions": n,
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "ratio": round(seconds["gensim"] / seconds["lmkit"], 2),
        "right": round(sum(c["right"] for c in counts.values()) / n, 4),
        "right_inputs_allowed": round(
            sum(c["right_inputs_allowed"] for c in counts.values()) / n, 4
        ),
        "sections": counts,
    }
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n")
    print({k: v for k, v in figures.items() if k != "sections"})


if __name__ == "__main__":
    main()
