"""PositionalEncoding: how can a vector say where a token stands? (chapter 6)"""

import traitlets as t
from torch import Tensor

from ... import transformer
from ..base import Widget, html_table

SIZES = (4, 8, 16, 32, 64, 128)
BASES = (10, 100, 1000, 10_000, 100_000)
VIEWS = ("map", "waves", "distance", "rope")
N_POSITIONS = 100


class PositionalEncoding(Widget):
    """Sinusoidal positions as a map, as waves, by their dot products, and RoPE as a turn.

    `size` is the number d of dimensions and `base` what the unit calls 10000; `position` and
    `offset` are between 0 and 99, `pair` is one of the d/2 pairs of dimensions. Raises TraitError
    for others.
    """

    _height = 480

    view = t.Enum(VIEWS, "map").tag(sync=True)
    size = t.Enum(SIZES, 64).tag(sync=True)
    base = t.Enum(BASES, 10_000).tag(sync=True)
    position = t.Int(10, min=0, max=N_POSITIONS - 1).tag(sync=True)
    offset = t.Int(3, min=0, max=N_POSITIONS - 1).tag(sync=True)
    pair = t.Int(4, min=0, max=SIZES[-1] // 2 - 1).tag(sync=True)

    def encoding(self) -> Tensor:
        """Return PE (100, d) of all positions (Vaswani et al. 2017, section 3.5)."""
        return transformer.sinusoidal(N_POSITIONS, self.size, self.base)

    def summary(self) -> str:
        """Return the first entries of some positions."""
        lines = ["  ".join(f"{cell:>6}" for cell in row) for row in self._rows()]
        return "\n".join([f"sinusoidal positions, d = {self.size}, base {self.base}", *lines])

    def fallback(self) -> str:
        """Return the same as a table."""
        names = [f"{wave} {k // 2}" for k, wave in enumerate(["sin", "cos"] * 2)]
        caption = f"sinusoidal positions, d = {self.size}, base {self.base}: the first two pairs"
        return html_table(caption, ["position", *names], self._rows())

    def _rows(self) -> list[list[str]]:
        table = self.encoding()[:, :4]
        return [[str(p), *(f"{z:.2f}" for z in table[p].tolist())] for p in (0, 1, 2, 10, 50)]
