"""`police`: the reader is D, note by note, against six forgers, and against the limit ½ + TV/2."""

import functools

import torch
from matplotlib.figure import Figure
from scipy.special import bdtr  # not scipy.stats: it takes seconds to load
from torch import Tensor

from ganbook import data, plots, theory
from ganbook.live import files
from ganbook.live.compile import translate

NOTES = 16  # in a round
LOW, HIGH = 28.0, 56.0  # of the ruler, in millimetres
CELLS = 225
PRESSES = data.mixture([36.0, 44.0], 1.8)
FORGERS = {  # those of the chapter `concept`
    "in the wrong place": data.gaussian(50.0, 1.8),
    "the right mean, nothing else": data.gaussian(40.0, 1.8),
    "perfect copies from one press": data.gaussian(36.0, 1.8),
    "the right mean and spread": data.gaussian(40.0, 19.24**0.5),
    "both presses, wrong shares": data.mixture([36.0, 44.0], 1.8, [0.7, 0.3]),
    "perfect": PRESSES,
}

TITLE = "You are the police"
CAPTION = (
    "**Real or forged? Press R or F, or the buttons.** Every note is real with probability ½, "
    "whatever came before. You have seen 24 real notes; forged ones you get to know by being told. "
    "The forger gets better every round, until nobody can do better than a coin."
)
ALT = (
    "A banknote with a dark strip at 41 millimetres on a ruler, and above it 24 ticks where the "
    "strips of real notes were: around 36 and around 44 millimetres."
)
DEFAULTS = {"seed": 1}
RANGES = {"seed": (1, 20)}


def judge(law: data.Mixture, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Densities of real and forged notes per millimetre, and the best verdict D*, shape (n,)."""
    p, q = (one.log_prob(x[:, None]).exp() for one in (PRESSES, law))
    return p, q, theory.optimal_discriminator(p, q)


def limit(law: data.Mixture) -> float:
    """What no rule can exceed, ½ + TV/2: Eq. (5) and (9), [Goodfellow2014]_, as an accuracy."""
    mm = torch.linspace(0.0, 80.0, 16_001, dtype=torch.float64)[:, None]
    return 0.5 + theory.total_variation(PRESSES.prob(mm), law.prob(mm), 80 / 16_000).item() / 2


def options(**given) -> dict:
    """Settings from an author's option seed; ValueError says what is possible."""
    return files.options("police", given, {}, RANGES)


@functools.cache
def kernels() -> dict[str, str]:
    """JavaScript by name."""
    x = torch.linspace(LOW, HIGH, CELLS, dtype=torch.float64)
    return {
        f"judge_{k}": translate(
            f"judge_{k}", functools.partial(judge, law), {"x": x}, ["p", "q", "best"], checks=True
        )
        for k, law in enumerate(FORGERS.values())
    }


def law_numbers(law: data.Mixture) -> dict:
    """What the page needs to draw notes."""
    spread = law.stds[0].item()
    return {"means": law.means[:, 0].tolist(), "shares": law.weights.tolist(), "std": spread}


def quantile(q: float, share: float) -> int:
    """How many of a round's notes one who is right in this share of all gets at the quantile q."""
    return int((bdtr(range(NOTES), NOTES, share) < q).sum())


def scripts(**_) -> dict[str, str]:
    """The figure's scripts by file name."""
    forgers = [
        {
            "motto": motto,
            "limit": round(limit(law), 6),
            # where a perfect policeman lands in nine rounds of ten
            "band": [quantile(q, min(limit(law), 1 - 1e-12)) for q in (0.05, 0.95)],
            **law_numbers(law),
        }
        for motto, law in FORGERS.items()
    ]
    numbers = {
        "presses": law_numbers(PRESSES),
        "forgers": forgers,
        "notes": NOTES,
        "low": LOW,
        "high": HIGH,
        "cells": CELLS,
        "known": 24,
        "defaults": DEFAULTS,
    }
    return {
        "police-kernels.js": files.script("police", kernels(), numbers),
        "police.js": files.text("police.js"),
    }


def instead() -> str:
    """The game on paper: notes of all rounds in a table, and the key folded away, as HTML."""
    source, rounds = torch.Generator().manual_seed(1), []
    for law in FORGERS.values():
        real = torch.rand(NOTES, 1, generator=source) < 0.5
        marks = torch.where(real, PRESSES.sample(NOTES, source), law.sample(NOTES, source))
        rounds.append((real[:, 0].tolist(), [f"{x:.1f}" for x in marks[:, 0].tolist()]))

    def table(caption: str, head: list, rows: list[list]) -> str:
        cells = [["<td>" + str(cell) + "</td>" for cell in row] for row in rows]
        top = "".join(f'<th scope="col">{word}</th>' for word in head)
        body = "".join(f"<tr>{''.join(row)}</tr>" for row in cells)
        return (
            f'<table class="gb-results"><caption>{caption}</caption>'
            f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
        )

    notes = table(
        "The marks of sixteen notes from each forger, in mm: which are real?",
        ["Note", *(f"Round {k}" for k in range(1, len(rounds) + 1))],
        [[n + 1, *(marks[n] for _, marks in rounds)] for n in range(NOTES)],
    )
    letters = ["".join("FR"[is_real] for is_real in real) for real, _ in rounds]
    letters = [" ".join(word[k : k + 4] for k in range(0, NOTES, 4)) for word in letters]
    limits = [f"{100 * limit(law):.1f} %" for law in FORGERS.values()]
    key = table(
        "R is real, F is forged; nobody can be right more often than the limit",
        ["Round", "The forger", "Notes 1 to 16", "Limit"],
        [list(row) for row in zip(range(1, 7), FORGERS, letters, limits, strict=True)],
    )
    return f"{notes}<details><summary>The key</summary>{key}</details>"


def still() -> Figure:
    """What is known before the first note."""
    source = torch.Generator().manual_seed(1)
    figure, ax = plots.plt.subplots(figsize=(6.88, 2.2), layout="constrained")
    ticks = PRESSES.sample(24, source)[:, 0].numpy()
    ax.plot(ticks, 0 * ticks, "|", color=plots.INK["data"], ms=24, mew=2)
    ax.set(xlim=(LOW, HIGH), ylim=(-1, 1), yticks=[], xlabel="mark of 24 real notes, in mm")
    return figure
