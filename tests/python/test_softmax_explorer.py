"""SoftmaxExplorer shows torch's softmax; the vectors that the browser shares."""

import itertools
import json
import math
from pathlib import Path

import pytest
import torch
from traitlets import TraitError

from lmkit.widgets import SoftmaxExplorer
from lmkit.widgets.softmax_explorer import TEMPERATURES

VECTORS = Path(__file__).parent.parent / "data" / "softmax.json"
LOGITS = [(2.0, 1.0, 0.0), (0.0, 0.0, 0.0), (-5.0, 5.0, 4.9), (1.5, 1.5, -3.2), (0.1, -0.4)]
SHIFTS = (0.0, 3.0, -5.0)


def oracle(logits, temperature):
    """torch's softmax of the unshifted logits: a constant must change nothing."""
    z = torch.tensor(logits, dtype=torch.float64)
    if temperature == 0:
        return torch.nn.functional.one_hot(z.argmax(), len(z)).double()
    return torch.softmax(z / temperature, dim=0)


def contents():
    cases = [
        {
            "logits": logits,
            "shift": shift,
            "temperature": temperature,
            "p": [float(f"{p:.9g}") for p in oracle(logits, temperature).tolist()],
        }
        for logits, shift, temperature in itertools.product(LOGITS, SHIFTS, TEMPERATURES)
    ]
    return {"temperatures": TEMPERATURES, "cases": cases}


def test_shared_vectors_are_current():
    """To write them anew: `python tests/python/test_softmax_explorer.py`."""
    stored = json.loads(VECTORS.read_text())
    assert stored == json.loads(json.dumps(contents()))
    assert len(stored["cases"]) == 135


@pytest.mark.parametrize("case", contents()["cases"])
def test_probabilities_are_torchs_and_a_constant_changes_nothing(case):
    words = ["cat", "dog", "bird"][: len(case["logits"])]
    widget = SoftmaxExplorer(
        words, case["logits"], shift=case["shift"], temperature=case["temperature"]
    )
    assert widget.probabilities() == pytest.approx(case["p"], rel=1e-8, abs=1e-12)


def test_the_plain_face_has_logits_powers_and_shares():
    text = SoftmaxExplorer(shift=1.0).summary()
    assert "cat  z = 3.00  exp(z/τ) = 20.1  P = 66.5%" in text
    assert f"{math.exp(1):.3g}  P = 9.0%" in text
    assert "–" in SoftmaxExplorer(temperature=0).summary()
    html = SoftmaxExplorer(["<b>", "dog"], [0, 0])._repr_mimebundle_()[0]["text/html"]
    assert "<b>" not in html and "50.0%" in html


def test_what_does_not_fit_is_told():
    with pytest.raises(ValueError, match="two to six words and a logit for each, not 3 and 2"):
        SoftmaxExplorer(logits=[1, 2])
    with pytest.raises(ValueError, match="between -5 and 5"):
        SoftmaxExplorer(logits=[1, 2, 6])
    with pytest.raises(ValueError, match="between -5 and 5"):
        SoftmaxExplorer(shift=math.nan)
    with pytest.raises(TraitError):
        SoftmaxExplorer(temperature=0.3)


if __name__ == "__main__":
    VECTORS.write_text(json.dumps(contents(), separators=(",", ":")) + "\n")
