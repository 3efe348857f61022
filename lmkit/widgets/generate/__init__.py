"""Generate: how does a model write? One token after another. (chapters 1 and 4)"""

from collections.abc import Iterator
from typing import Any

import torch
import traitlets as t

from ... import generate, given
from ...lm import LanguageModel, Reading
from ..base import Widget, begun, chips

GUESSES = 8
MAX_TOKENS = 512
OPTIONS = {"temperature": 1, "top_k": 0, "top_p": 1, "seed": 1}  # 0 is no top-k


class Generate(Widget):
    """A text as it is written: each token in the shade of its probability, with its rivals.

    `lm` is any `LanguageModel`, such as `lmkit.smollm.load()`; for each of `prompts` and `settings`
    (`temperature`, `top_k`, `top_p`, `seed`) a run of `length` tokens is stored. With a kernel the
    reader may give any prompt, take any token by hand, and stop at any time.
    """

    _height = 460

    runs = t.List(t.Dict()).tag(sync=True)
    text = t.Unicode().tag(sync=True)
    chat = t.Bool(False).tag(sync=True)
    linked = t.Bool(False).tag(sync=True)
    model_name = t.Unicode().tag(sync=True)

    def __init__(
        self,
        lm: LanguageModel,
        *prompts: str,
        settings: tuple[dict[str, Any], ...] = ({"temperature": 0},),
        length: int = 40,
        **traits: Any,
    ) -> None:
        if not given.texts(prompts, "prompts"):
            raise ValueError('Give at least one prompt: Generate(lm, "Once upon a time")')
        self._lm, self._reading = lm, Reading(lm)
        given.whole(length, "length", least=1)
        for options in given.each(
            settings, "settings", "a list of dicts such as {'temperature': 0}"
        ):
            if unknown := given.mapping(options, "each of the settings").keys() - OPTIONS.keys():
                raise ValueError(f"settings must be of {', '.join(OPTIONS)}, not {min(unknown)!r}")
        chat = bool(traits.get("chat", False))
        runs = [self._run(text, chat, options, length) for text in prompts for options in settings]
        super().__init__(runs=runs, text=prompts[0], model_name=lm.name, **traits)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer `encode` with a prompt's tokens, `continue` with one more token."""
        match request:
            case {"kind": "encode", "text": text, "chat": chat}:
                return {"tokens": begun(self._lm, self._encode(text, chat))}
            case {"kind": "continue", "ids": ids, "draw": draw}:
                options = {name: request.get(name) or None for name in ("top_k", "top_p")}
                return self._continue(list(ids), request["temperature"], draw=draw, **options)
        return super().answer(request)

    def summary(self) -> str:
        """Return the first run's prompt and what was written."""
        run = self.runs[0]
        return f"{run['text']} ▸{''.join(token['t'] for token in run['tokens'])}"

    def _encode(self, text: str, chat: bool) -> list[int]:
        ids = self._lm.chat_ids(text) if chat else self._lm.begin(text)
        if len(ids) >= MAX_TOKENS:
            raise ValueError(f"The prompt has {len(ids):,} tokens; here it may have {MAX_TOKENS}.")
        return ids

    def _run(self, text: str, chat: bool, options: dict[str, Any], length: int) -> dict[str, Any]:
        """Write a run to be stored, as the view would with this seed."""
        shown = {**OPTIONS, **options}
        ids = self._encode(text, chat)
        start, tokens, draws = begun(self._lm, ids), [], random(given.seed(shown["seed"]))
        cuts = {"top_k": shown["top_k"] or None, "top_p": shown["top_p"]}
        for _ in range(length):
            step = self._continue(ids, shown["temperature"], draw=next(draws), **cuts)
            if step["end"]:
                break
            tokens.append({**step["token"], "p": step["p"], "top": step["top"][:5]})
            ids = [*ids, step["token"]["i"]]
        return {"text": text, "chat": chat, **shown, "start": start, "tokens": tokens}

    def _continue(
        self, ids: list[int], temperature: float, top_k: Any, top_p: Any, draw: float
    ) -> dict[str, Any]:
        """Draw one token; `p` and `top` are the model's own, before the knobs act."""
        if len(ids) >= MAX_TOKENS:
            raise ValueError(
                f"The text has reached {MAX_TOKENS} tokens, the most it may have here."
            )
        logits = self._reading.logits(ids).double()
        p = logits.softmax(-1)
        cut = generate.probabilities(logits, temperature, top_k, top_p)
        i = min(int(torch.searchsorted(cut.cumsum(-1), draw, right=True)), int(cut.nonzero()[-1]))
        rivals = chips(self._lm, p.topk(min(GUESSES, len(p))).indices.tolist())
        top = [{**chip, "p": _rounded(p[chip["i"]])} for chip in rivals]
        end = i in self._lm.stop_ids
        return {"token": chips(self._lm, [i])[0], "p": _rounded(p[i]), "top": top, "end": end}


def random(seed: int) -> Iterator[float]:
    """Yield numbers in [0, 1) from a seed, the same as in the browser: mulberry32.

    >>> [round(next(random(1)), 6)]
    [0.627074]
    """
    state, mask = seed & 0xFFFFFFFF, 0xFFFFFFFF
    while True:
        state = (state + 0x6D2B79F5) & mask
        x = ((state ^ (state >> 15)) * (state | 1)) & mask
        x ^= (x + (((x ^ (x >> 7)) * (x | 61)) & mask)) & mask
        yield (x ^ (x >> 14)) / 2**32


def _rounded(p: torch.Tensor) -> float:
    return float(f"{p.item():.4g}")
