"""Recurrent networks written as their equations: RNN, LSTM and GRU (chapter 5).

    lstm = LSTM(8, 16)                            # takes the state dict of nn.LSTM(8, 16)
    output, (h, c) = lstm(x)                      # (B, T, 8) -> (B, T, 16), (1, B, 16) twice
    model = CharRNN("lstm", vocab_size=80)
    logits = model(ids)                           # (B, T) -> (B, T, V)

Shapes: B texts at once, T steps, D numbers a step go in, H = hidden_size come out, V tokens in the
vocabulary. Weights are named as torch.nn names them; a gate's rows lie one after the other.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from lmkit import given
from lmkit.lm import LanguageModel, as_ids, batch

State = tuple[Tensor, ...]  # h, and c where there is one, each (B, H)


def rnn_cell(a: Tensor, state: State, w: Tensor, b: Tensor) -> tuple[State, State]:
    """Do one step of a vanilla network (Elman 1990): h = tanh(W_x x + W_h h + b).

    Like all cells it takes a = W_x x + b_x (B, gates · H), the state, W_h transposed and b_h, and
    gives the new state and the gates, here none.

    >>> a, h, w, b = (torch.tensor(x) for x in ([[1.0]], [[0.5]], [[2.0]], [0.0]))
    >>> (new,), gates = rnn_cell(a, (h,), w, b)
    >>> round(new.item(), 3)  # tanh(1 + 2 · 0.5)
    0.964
    """
    (h,) = state
    return ((a + torch.addmm(b, h, w)).tanh(),), ()


def lstm_cell(a: Tensor, state: State, w: Tensor, b: Tensor) -> tuple[State, State]:
    """Do one step of the LSTM (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000).

    The gates are i, f, g (the candidate) and o; c = f·c + i·g, h = o·tanh(c). See `rnn_cell`.
    """
    h, c = state
    i, f, g, o = (a + torch.addmm(b, h, w)).chunk(4, 1)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    c = f * c + i * g
    return (o * c.tanh(), c), (i, f, g, o)


def gru_cell(a: Tensor, state: State, w: Tensor, b: Tensor) -> tuple[State, State]:
    """Do one step of the GRU (Cho et al. 2014), with torch's place for the reset gate.

    The gates are r, z and n (the candidate); h = (1 - z)·n + z·h. See `rnn_cell`.
    """
    (h,) = state
    a_r, a_z, a_n = a.chunk(3, 1)
    u_r, u_z, u_n = torch.addmm(b, h, w).chunk(3, 1)
    r, z = (a_r + u_r).sigmoid(), (a_z + u_z).sigmoid()
    n = (a_n + r * u_n).tanh()
    return (n + z * (h - n),), (r, z, n)


class Recurrent(nn.Module):
    """What the three share: the weights, and the loop over time.

    One layer, one direction, batch first. Raises ValueError for anything else.
    """

    gates: tuple[str, ...] = ()  # in the order in which the cell gives them
    states: tuple[str, ...] = ("h",)
    blocks = 1  # of H rows in each weight

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bidirectional: bool = False
    ) -> None:
        super().__init__()
        if given.whole(num_layers, "num_layers") != 1 or bidirectional:
            raise ValueError(
                "this layer is one layer in one direction, to be read; stack several, or take "
                f"torch.nn.{type(self).__name__} for num_layers={num_layers}, "
                f"bidirectional={bidirectional}"
            )
        self.input_size = given.whole(input_size, "input_size", least=1)
        self.hidden_size = given.whole(hidden_size, "hidden_size", least=1)
        rows = self.blocks * hidden_size
        self.weight_ih_l0 = nn.Parameter(torch.empty(rows, input_size))
        self.weight_hh_l0 = nn.Parameter(torch.empty(rows, hidden_size))
        self.bias_ih_l0 = nn.Parameter(torch.empty(rows))
        self.bias_hh_l0 = nn.Parameter(torch.empty(rows))
        for p in self.parameters():
            nn.init.uniform_(p, -1 / math.sqrt(hidden_size), 1 / math.sqrt(hidden_size))

    @staticmethod
    def cell(a: Tensor, state: State, w: Tensor, b: Tensor) -> tuple[State, State]:
        """Do one step; see `rnn_cell`."""
        raise NotImplementedError

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Take the weights of torch.nn's layer of the same name; ValueError if it has several."""
        given.mapping(state_dict, "state_dict", "a dict of weights by name")
        if extra := [name for name in state_dict if name not in self.state_dict()]:
            raise ValueError(f"this is one layer in one direction and has no {', '.join(extra)}")
        return super().load_state_dict(state_dict, *args, **kwargs)

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Take x (B, T, D); give h at each step (B, T, H) and the last state, (1, B, H).

        An LSTM's state is the pair of h and c. Raises ValueError for shapes that do not fit.
        """
        steps = [state for state, _ in self.steps(x, state)]
        last = tuple(s[None] for s in steps[-1])
        output = torch.stack([state[0] for state in steps], 1)
        return output, last if len(last) > 1 else last[0]

    def trace(self, x: Tensor, state: Any = None) -> dict[str, Tensor]:
        """Give each gate and state by its name at each step of x (B, T, D), each (B, T, H)."""
        rows = [(*gates, *state) for state, gates in self.steps(x, state)]
        values = [torch.stack(column, 1) for column in zip(*rows, strict=True)]
        return dict(zip((*self.gates, *self.states), values, strict=True))

    def steps(self, x: Tensor, state: Any = None) -> Iterator[tuple[State, State]]:
        """Give the new state and the gates, (B, H) each, after each step of x (B, T, D)."""
        state = self._start(x, state)
        # the inputs' part of every step is one matrix product: only the rest must go step by step
        inputs = linear(x, self.weight_ih_l0, self.bias_ih_l0)  # (B, T, blocks · H)
        w, b = self.weight_hh_l0.t(), self.bias_hh_l0
        for a in inputs.transpose(0, 1).contiguous().unbind(0):  # each (B, blocks · H)
            state, gates = self.cell(a, state, w, b)
            yield state, gates

    def _start(self, x: Tensor, state: Any) -> State:
        if (
            given.kind(x, "x", Tensor, "a tensor (B, T, D)").dim() != 3
            or x.shape[2] != self.input_size
            or not x.shape[1]
        ):
            raise ValueError(
                f"x must be (texts, steps, {self.input_size}) with a step or more, not "
                f"{tuple(x.shape)}"
            )
        shape = (1, len(x), self.hidden_size)
        if state is None:
            return tuple(x.new_zeros(shape[1:]) for _ in self.states)
        parts = tuple(state) if isinstance(state, tuple | list) else (state,)
        for part in parts:
            given.kind(part, "the state", Tensor, f"{' and '.join(self.states)}, tensors {shape}")
        if [tuple(s.shape) for s in parts] != [shape] * len(self.states):
            raise ValueError(
                f"the state must be {' and '.join(self.states)} of shape {shape}, not "
                f"{', '.join(str(tuple(s.shape)) for s in parts)}"
            )
        return tuple(s[0] for s in parts)


class RNN(Recurrent):
    """A vanilla recurrent layer, as torch.nn.RNN with tanh and batch_first=True."""

    cell = staticmethod(rnn_cell)


class LSTM(Recurrent):
    """Long short-term memory, as torch.nn.LSTM with batch_first=True.

    >>> output, (h, c) = LSTM(8, 16)(torch.zeros(2, 5, 8))
    >>> tuple(output.shape), tuple(h.shape), tuple(c.shape)
    ((2, 5, 16), (1, 2, 16), (1, 2, 16))
    """

    gates, states, blocks = ("i", "f", "g", "o"), ("h", "c"), 4
    cell = staticmethod(lstm_cell)


class GRU(Recurrent):
    """Gated recurrent unit, as torch.nn.GRU with batch_first=True."""

    gates, blocks = ("r", "z", "n"), 3
    cell = staticmethod(gru_cell)


LAYERS: dict[str, type[Recurrent]] = {"rnn": RNN, "lstm": LSTM, "gru": GRU}


@dataclass
class CharRNNConfig:
    """What makes a CharRNN."""

    kind: str
    vocab_size: int
    n_embd: int = 128
    n_hidden: int = 384


class StateCache:
    """The state (1, 1, H) after each token read so far; before the first there is none."""

    def __init__(self) -> None:
        self.states: list[State | None] = [None]

    @property
    def n_seen(self) -> int:
        """How many tokens were read; a smaller number goes back to the state after so many."""
        return len(self.states) - 1

    @n_seen.setter
    def n_seen(self, n: int) -> None:
        del self.states[n + 1 :]


class CharRNN(nn.Module, LanguageModel):
    """A language model over a recurrent layer: embedding, layer, logits (chapter 5).

    `kind` is "rnn", "lstm" or "gru"; ValueError for another.
    """

    cache_type = StateCache

    def __init__(self, kind: str, vocab_size: int, n_embd: int = 128, n_hidden: int = 384) -> None:
        super().__init__()
        given.one_of(kind, "kind", LAYERS)
        given.whole(vocab_size, "vocab_size", least=1)
        given.whole(n_embd, "n_embd", least=1)
        given.whole(n_hidden, "n_hidden", least=1)
        self.config = CharRNNConfig(kind, vocab_size, n_embd, n_hidden)
        self.embed = nn.Embedding(vocab_size, n_embd)
        self.layer = LAYERS[kind](n_embd, n_hidden)
        self.head = nn.Linear(n_hidden, vocab_size)

    def forward(self, ids: Tensor) -> Tensor:
        """Give the logits (B, T, V) of what follows each of ids (B, T)."""
        return self.run(ids)[0]

    def run(self, ids: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Give the logits (B, T, V) after each of ids (B, T), and the state to go on from."""
        output, state = self.layer(self._embedded(ids), state)
        return self.head(output), state

    @torch.no_grad()
    def trace(self, ids: Tensor, state: Any = None) -> dict[str, Tensor]:
        """Give each gate and state by its name after each of ids (B, T), each (B, T, H)."""
        return self.layer.trace(self._embedded(ids), state)

    def _embedded(self, ids: Tensor) -> Tensor:
        return self.embed(batch(ids, self.config.vocab_size))

    @property
    def name(self) -> str:
        """The kind of its layer, as a figure writes it."""
        return self.config.kind.upper()

    @torch.no_grad()
    def next_logits(self, ids: Sequence[int] | Tensor, cache: "StateCache | None" = None) -> Tensor:
        """Give the logits (V,) after the last of the ids (T,), with those in the cache before.

        What was read before lives on in the state alone.
        """
        if cache is not None:
            given.kind(cache, "cache", StateCache, "a StateCache")
        cache = cache or StateCache()
        x = self._embedded(as_ids(ids)[None])  # (1, T, n_embd)
        for state, _ in self.layer.steps(x, cache.states[-1]):
            cache.states.append(tuple(s[None] for s in state))
        return self.head(state[0])[0]
