"""Plant faults one at a time; the tests must catch each and say where it is: `make mutants`.

With `--claims`, as `make test` calls it: only the faults in the evidence of the chapters' claims,
and of these only those in chapters whose code or faults are new; `tests/mutants.json` knows the
others by their fingerprints. The faults are planted in a copy, never in the checkout.
"""

import ast
import hashlib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import nbformat
import run

# A flipped sign or a wrong factor for each claim: the cell with the claim's tag, or one before it,
# must fail. The old text occurs exactly once in the code of the chapter.
CLAIMS: dict[str, tuple[str, str, str]] = {
    "claim-classifier": ("concept", "bell(-(s**2), s)", "bell(-2 * s**2, s)"),
    "claim-limit": ("concept", "variation(p, q, step_mm) / 2", "variation(p, q, step_mm)"),
    "claim-implicit": ("concept", "2 * phi.subs(", "phi.subs("),
    "claim-perfect-g": ("concept", "tensor(perfect_G(-z))", "tensor(2 * perfect_G(-z))"),
    "claim-no-randomness": ("concept", "G(atoms)", "G(torch.cat([atoms, -atoms]))"),
    "claim-eq-1": ("concept", "sp.Rational(1, 4) - d", "sp.Rational(1, 4) + d"),
    "claim-coin-loss-pointwise": ("concept", "(coin - known + missed", "(coin + known + missed"),
    "claim-coin-loss": ("concept", "- 2 * theory.jsd(p_mm", "+ 2 * theory.jsd(p_mm"),
    "claim-flow": ("concept", "losses.MINIMAX.g(None", "-losses.MINIMAX.g(None"),
    "claim-same-run": ("concept", '"d_steps": 5', '"d_steps": 4'),
    "claim-first-gan": (
        "concept",
        "train.fit(G, D, source,",
        "train.fit(G, D, lambda *a: 2 * source(*a),",
    ),
    "claim-two-generators": ("concept", "tensor(perfect_G(z[:, 0]", "tensor(-perfect_G(z[:, 0]"),
    "claim-keep-up": ("concept", '"lr": (0.0, 1e-2)', '"lr": (0.0, 1e-6)'),
    "claim-detach": ("concept", "fake.detach() if detach", "fake.detach() if not detach"),
    "claim-digits": ("concept", "predict_proba(fakes", "predict_proba(-fakes"),
    "claim-gaussian-z": ("concept", "return torch.special.ndtri", "return 2 * torch.special.ndtri"),
    "claim-heap": ("concept", "(sign * evidence > 0)", "(-sign * evidence > 0)"),
    "claim-eq-2": ("minimax", "logsigmoid(real).mean() + log", "logsigmoid(real).mean() - log"),
    "claim-batch-noise": ("minimax", "(2 * pair / gap) ** 2", "(pair / gap) ** 2"),
    "claim-extremes": ("minimax", "V_of(forgers[i], best[1]", "V_of(forgers[i], best[i]"),
    "claim-order": ("minimax", "tables.amax(2).amin(1)", "tables.amin(2).amin(1)"),
    "claim-coin-game": ("minimax", "(half + q) * sp.log(1 - d)", "(half - q) * sp.log(1 - d)"),
    "claim-dice": ("minimax", "coin_V(np.array([0.0, 1.0])", "coin_V(np.array([0.0, 0.5])"),
    "claim-all-equilibria": ("minimax", "(1 - t) * sp.log(half - e)", "(1 + t) * sp.log(half - e)"),
    "claim-value": ("minimax", "torch.tensor([0.0, 0.2, 0.5])", "torch.tensor([0.0, 0.2, 0.7])"),
    "claim-eq-4": ("minimax", "cost = (1 - D_start).log()", "cost = -(1 - D_start).log()"),
    "claim-four-cycle": ("minimax", "return 0.75 - q / 2", "return 0.75 - q / 4"),
    "claim-eq-3": ("minimax", ":, D_column].argmin(1)", ":, D_column].argmax(1)"),
    "claim-spike": ("minimax", "spike[argmax(D_now)]", "spike[20]"),
    "claim-cures": ("minimax", "2 / (t + 2) *", "2 / 3 *"),
    "claim-turns": ("minimax", "G_turn(turns, forgeries)", "G_turn(turns, 1)"),
    "claim-turn-length": ("minimax", "D_turn(run, n)", "D_turn(run, 0)"),
    "claim-growth": ("minimax", "Js * (one - eta * Js)", "Js * (one + eta * Js)"),
    "claim-optimisers": ("minimax", "maximize=True", "maximize=False"),
    "claim-cures-bilinear": ("minimax", "[k * eta, 1]", "[eta, 1]"),
    "claim-friction": ("minimax", "1 + theta**2, x_real: 0", "1, x_real: 0"),
    "claim-noisy": ("minimax", "point[0] -= lr", "point[0] += lr"),
    "claim-coordinates": (
        "minimax",
        "sp.Matrix([-sp.diff(value, a)",
        "sp.Matrix([sp.diff(value, a)",
    ),
    "claim-by-hand": (
        "minimax",
        "loss_G = -softplus(D(G(z))).mean()",
        "loss_G = softplus(-D(G(z))).mean()",
    ),
    "claim-inplace": ("minimax", "opt_D.step()  # writes", "opt_D.zero_grad()  # writes"),
    "claim-cancel": ("minimax", "total + loss.d(", "total - loss.d("),
    "claim-pollution": (
        "minimax",
        "D(fake)).mean().backward()  # leaves",
        "D(fake)).mean()  # leaves",
    ),
    "claim-race": ("minimax", "np.polyfit(np.log(rounds)", "np.polyfit(rounds"),
    "claim-meter": ("minimax", "G_turn(bottom, 20)", "G_turn(bottom, 0)"),
    "claim-eq-6": ("optimal_discriminator", "/ (1 - x**2), -1, 1)", "/ (1 + x**2), -1, 1)"),
    "claim-eq-9": ("optimal_discriminator", "best = a / (a + b)", "best = b / (a + b)"),
    "claim-eq-7": ("optimal_discriminator", "top - a_ / (a_ + b_)", "top - b_ / (a_ + b_)"),
    "claim-eq-5": (
        "optimal_discriminator",
        "return price + torch.xlogy",
        "return price - torch.xlogy",
    ),
    "claim-coin-square": ("optimal_discriminator", "coin - 2 * (u - v)", "coin - 4 * (u - v)"),
    "claim-free": ("optimal_discriminator", "changed[(places < 0)", "changed[(places < 0.5)"),
    "claim-reach": ("optimal_discriminator", "logit().clamp(-c", "logit().clamp(-2 * c"),
    "claim-runaway": ("optimal_discriminator", "w.grad = -(-w", "w.grad = -(-2 * w"),
    "claim-out-of-reach": ("optimal_discriminator", "adam(places, p, q,", "adam(places, p, p,"),
    "claim-habits": ("optimal_discriminator", "adam(far, law, law,", "adam(far, law, 0.9 * law,"),
    "claim-floats": ("optimal_discriminator", "tensor(17.0)", "tensor(15.0)"),
    "claim-shares": ("optimal_discriminator", "+ (1 - pi) * q_ *", "+ pi * q_ *"),
    "claim-ratio": ("optimal_discriminator", "(fakes) - wide.log", "(fakes) + wide.log"),
    "claim-ratio-breaks": (
        "optimal_discriminator",
        "log_integrand = -(X",
        "log_integrand = -2 * (X",
    ),
    "claim-fifty": ("optimal_discriminator", "sigmoid() - world.best", "sigmoid() + world.best"),
    "claim-film": ("optimal_discriminator", "skew.x, skew.p, skew.q,", "skew.x, skew.q, skew.p,"),
    "claim-samples": (
        "optimal_discriminator",
        "missed[n] = (shift.top -",
        "missed[n] = (shift.top +",
    ),
    "claim-harder": ("optimal_discriminator", "errors(WORLDS[pair]", "errors(shift"),
    "claim-two-debts": ("optimal_discriminator", "kl(world.best, share)", "kl(share, world.best)"),
    "claim-calibration": (
        "optimal_discriminator",
        "(right * (logits > 0)",
        "(right * (logits < 0)",
    ),
    "claim-mended": ("optimal_discriminator", "factor * logits).item", "logits / factor).item"),
    "claim-eq-10": ("optimal_discriminator", "logsigmoid(-logits[1])", "logsigmoid(logits[1])"),
    "claim-blind": ("optimal_discriminator", "0.0, -3 / 8", "0.0, 3 / 8"),
    "claim-ruler": ("optimal_discriminator", ".abs().max() > 0.4", ".abs().max() < 0.4"),
    "claim-fool": ("optimal_discriminator", "(sp.Rational(1, 6), -1)", "(sp.Rational(1, 5), -1)"),
    "claim-adam": ("optimal_discriminator", "(1 - beta2) / 2 *", "(1 - beta2) *"),
    "claim-two-sample": ("optimal_discriminator", "unseen].numpy()) ==", "unseen].numpy()) !="),
    "claim-sort": (
        "optimal_discriminator",
        "(log_ratio - log_ratio.max())",
        "(log_ratio.min() - log_ratio)",
    ),
    "claim-price": (
        "optimal_discriminator",
        "degree + 1 - 2 * overlap",
        "degree + 1 + 2 * overlap",
    ),
    "claim-minimum": (
        "global_optimum",
        "a / (b * (a + b)) + (1 - a)",
        "a / (b * (a + b)) - (1 - a)",
    ),
    "claim-halves": (
        "global_optimum",
        "real_half = torch.xlogy(p, ",
        "real_half = torch.xlogy(q, ",
    ),
    "claim-eq-11-12": ("global_optimum", "torch.xlogy(law, best)", "torch.xlogy(law, 2 * best)"),
    "claim-eq-14": ("global_optimum", "(mu**2 + s1**2 - s2**2)", "(mu**2 - s1**2 + s2**2)"),
    "claim-kl-order": ("global_optimum", "gaussian_kl(0, 2, 0, 1)", "gaussian_kl(0, 1, 0, 2)"),
    "claim-gibbs": ("global_optimum", "(cauchy.log() - log_normal)", "(cauchy.log() + log_normal)"),
    "claim-information": (
        "global_optimum",
        "half_kls = (p_ * sp.log(p_ / m_) +",
        "half_kls = (p_ * sp.log(p_ / m_) -",
    ),
    "claim-eq-16-17": ("global_optimum", "M = (p + q) / 2", "M = p + q"),
    "claim-jsd-ends": ("global_optimum", "[0, 0.01, 0.09, 0.9]", "[0, 0.0, 0.1, 0.9]"),
    "claim-lens": ("global_optimum", "entropy((1 - tv) / 2)", "entropy(1 - tv)"),
    "claim-processing": ("global_optimum", "normal(0.5 * n**0.5)", "normal(0.5 * n)"),
    "claim-eq-15": (
        "global_optimum",
        "log(2 * p_ / (p_ + q_)) + q_",
        "log(2 * p_ / (p_ + q_)) - q_",
    ),
    "claim-eq-13": ("global_optimum", "by_jsd = -log4 + 2", "by_jsd = -log4 - 2"),
    "claim-wrong-versions": ("global_optimum", '"+ log 4": (p_', '"+ log 4": -(p_'),
    "claim-bowl": ("global_optimum", "[mean, mean / std]", "[mean, mean * std]"),
    "claim-not-convex": ("global_optimum", "C_normal(v[:1], v[1:])", "C_normal(v[:1] / 3, v[1:])"),
    "claim-two-fates": ("global_optimum", "0.5 * gradient", "0.005 * gradient"),
    "claim-many-generators": ("global_optimum", '"G2": lambda z: -z', '"G2": lambda z: -2 * z'),
    "claim-ceiling": ("global_optimum", "overlap = (1 - s)", "overlap = (1 + s)"),
    "claim-gradient-dies": ("global_optimum", "slopes = shifts / 2 *", "slopes = shifts *"),
    "claim-gap": ("global_optimum", "generator=gen) + places", "generator=gen) + 0 * places"),
    "claim-bridge": ("global_optimum", "+ share * line_bridge", "+ share * pieces"),
    "claim-two-lumps": ("global_optimum", "normal(c, 0.5, wide)", "normal(c, 0.8, wide)"),
    "claim-certificate": ("global_optimum", "log2 + true_V / 2", "log2 - true_V / 2"),
    "claim-finite-data": ("global_optimum", "linspace(-7, 8, bins + 1)", "linspace(-7, 8, 31)"),
    "claim-digit-bits": ("global_optimum", "logsigmoid(-D(fake", "logsigmoid(D(fake"),
    "claim-three-walks": ("convergence", 'geometry="mirror", lr=1.0', 'geometry="mirror", lr=0.5'),
    "claim-eq-19": ("convergence", "U_bin = p_ * sp.log(d_) + q_", "U_bin = p_ * sp.log(d_) - q_"),
    "claim-eq-20": (
        "convergence",
        "mixed = (1 - weight[:, None]) * q +",
        "mixed = weight[:, None] * q +",
    ),
    "claim-danskin": ("convergence", "g = (1 - theory.optimal", "g = (theory.optimal"),
    "claim-eq-21": ("convergence", "theory.descend(p, q, 16)", "theory.descend(p, q, 16, lr=0.9)"),
    "claim-bregman": ("convergence", "- 2 * theory.kl((p + u)", "- theory.kl((p + u)"),
    "claim-mirror": (
        "convergence",
        "theory.mirror_step(p, before, eta)",
        "theory.mirror_step(p, before, 4 * eta)",
    ),
    "claim-spread": ("convergence", "1 - eta_ / (1 + sp.exp(s_))", "1 + eta_ / (1 + sp.exp(s_))"),
    "claim-rates": (
        "convergence",
        "abs(measured - abs(1 - eta / 2))",
        "abs(measured - abs(1 - eta))",
    ),
    "claim-imperfect": ("convergence", "q.log() + softplus(logits)", "q.log() - softplus(logits)"),
    "claim-means": (
        "convergence",
        "lambda D: (D / (1 - D)) ** 0.5",
        "lambda D: (D / (1 - D)) ** 0.1",
    ),
    "claim-eq-18": ("convergence", "2.0 ** -(t + 2) * (p - timid", "0.5 * (p - timid"),
    "claim-hover": (
        "convergence",
        '"0.03": hovering(lambda t: 0.03)',
        '"0.03": hovering(lambda t: 0.03 / (t + 1))',
    ),
    "claim-inclusion": ("convergence", "(off + 0.02 * step)", "(off + 0.0 * step)"),
    "claim-simplex": ("convergence", "0.5), 0.1, 1000)", "0.5), 0.001, 1000)"),
    "claim-blow-up": ("convergence", '3000, geometry="projected"', '3000, geometry="mirror"'),
    "claim-softmax": ("convergence", "thin_p[:, None] * thin_p) / 2", "thin_p[:, None] * thin_p)"),
    "claim-attained": ("convergence", "[limit, 0.0, -limit]", "[limit, 0.5, -limit]"),
    "claim-knob": ("convergence", "lumps = (bell(-2.0, 0.5)", "lumps = (bell(-0.5, 0.5)"),
    "claim-dirac": (
        "convergence",
        "seen = theta if k else seen\n            penalty",
        "penalty",
    ),
    "claim-dirac-eigen": (
        "convergence",
        "- (1 - eta_ * gamma_ + eta_**2 / 4)",
        "- (1 - eta_ * gamma_ - eta_**2 / 4)",
    ),
    "claim-dirac-steps": (
        "convergence",
        "update_matrix(eta, 0.24 * eta",
        "update_matrix(eta, 0.26 * eta + 0.01 * eta",
    ),
    "claim-circle-law": ("convergence", "pull_in = -2 * eta_", "pull_in = 2 * eta_"),
    "claim-circle": (
        "convergence",
        'dirac("non-saturating", etas, 6000',
        'dirac("minimax", etas, 6000',
    ),
    "claim-table": ("convergence", '{"gamma": 0.7, "target": 1}', '{"gamma": 0.7, "target": 0}'),
    "claim-healing": ("convergence", "gamma=0.7**2 / 2)", "gamma=0.7**2)"),
    "claim-tremor": ("convergence", "noisy(0.7, fresh(count))", "noisy(0.7, fresh(100))"),
    "claim-basins": ("caveats", "walk[-1] - slope(", "walk[-1] + slope("),
    "claim-width": ("caveats", "(logits) + q_masses *", "(logits) - q_masses *"),
    "claim-toll": ("caveats", "ndtri(alpha) + 3 / L", "ndtri(alpha) + 6 / L"),
    "claim-staircase": ("caveats", "(inside / ramp).clamp", "(inside / 1.0).clamp"),
    "claim-critical-points": ("caveats", "(bend > 0).sum()", "(bend < 0).sum()"),
    "claim-fork": ("caveats", "moves = q * (x - theta", "moves = -q * (x - theta"),
    "claim-sampling-cost": ("caveats", "gan_rate = 200_000 /", "gan_rate = 200 /"),
    "claim-k-steps": (
        "caveats",
        "mode_coverage(drawn(run), ring) for name",
        "mode_coverage(2 * drawn(run), ring) for name",
    ),
    "claim-capacity": ("caveats", '("base", "D 4 wide")', '("D 4 wide", "base")'),
    "claim-sample-size": ("caveats", "(7 / 8) ** 16", "(7 / 8) ** 8"),
    "claim-overfit": (
        "caveats",
        "average_V(D, r, shift + fakes)",
        "average_V(D, shift + fakes, r)",
    ),
    "claim-weights": ("caveats", "SATURATING, 1 - frozen", "SATURATING, 1 + frozen"),
    "claim-saturation": ("caveats", "(-(thetas**2) / 8) / 2", "(-(thetas**2) / 8) / 4"),
    "claim-adam-hides": ("caveats", "(square / (1 - 0.99**step)) ** 0.5", "1.0"),
    "claim-grows-first": ("caveats", "other, minimax = loud", "minimax, other = loud"),
    "claim-frozen": ("caveats", "(q * best_at_1.log())", "(q * (1 - best_at_1).log())"),
    "claim-fair": ("caveats", "max(shares_of) - min(", "min(shares_of) - min("),
    "claim-converged": ("caveats", "float(tail.mean(0)", "float(2 * tail.mean(0)"),
    "claim-blind-spot": ("caveats", "torch.full((8,), 1 / 7,", "torch.full((8,), 1 / 8,"),
    "claim-count": ("caveats", "log2 + torch.xlogy(wrong", "log4 + torch.xlogy(wrong"),
    "claim-began-faces": ("began", "apart(fakes, both_ways)", "apart(-fakes, both_ways)"),
    "claim-faces-kept": ("began", "small_G(z_shown)", "small_G(-z_shown)"),
    "claim-painter": ("began", "28, 28).flip(1)", "28, 28).flip(2)"),
    "claim-bound": ("began", "between[:-1] *", "between[1:] *"),
    "claim-same-began": ("began", "gamma * L_real - L_fake", "gamma * L_real + L_fake"),
    "claim-balance": ("began", "s = np.diff(k_all)", "s = np.abs(np.diff(k_all))"),
    "claim-blind-measure": ("began", "GAMMA * L_real - L_fake", "GAMMA * L_real + L_fake"),
    "claim-began-digits": ("began", "[M_digits[step - 40", "[-M_digits[step - 40"),
    "claim-gamma": ("began", "gamma_level = M_gamma", "gamma_level = -M_gamma"),
    "claim-gone": ("began", "apart(lovely[None], fresh)", "apart(lovely[None], seen[CHOSEN])"),
    "claim-way-back": (
        "began",
        "found = snapshots.sample_at(folder, CHOSEN",
        "found = snapshots.sample_at(folder, CHOSEN + 200",
    ),
    "claim-between": ("began", "pass_again(800, 860)", "pass_again(800, 861)"),
    "claim-state": ("began", "saved | lost", "lost | saved"),
    "claim-room": ("began", "numbers = 3 * weights", "numbers = 2 * weights"),
    "claim-folder": ("began", "--step 20 --index 9", "--step 15 --index 9"),
    "claim-reckon": ("began", "(24 * 9 + 18)", "(24 * 9 - 18)"),
    "claim-data": ("images", "torch.cat([seen, fresh])", "torch.cat([seen, unseen])"),
    "claim-judge": ("images", "cross_entropy(judge(trash)", "cross_entropy(-judge(trash)"),
    "claim-mlp": ("images", "legible(mlp_fakes)", "legible(-mlp_fakes)"),
    "claim-kept": ("images", "drawn(kept, 3000)", "drawn(kept, 3000).flip(1)"),
    "claim-ones": ("images", "loss, metrics.class_kl(kinds", "loss, -metrics.class_kl(kinds"),
    "claim-parameters": ("images", "784 * numbers + numbers", "784 + numbers"),
    "claim-shift": ("images", "cells_down[:, :, 2:6]", "cells_down[:, :, 1:5]"),
    "claim-shuffle-mlp": ("images", "D.weights[0].data[order]", "D.weights[0].data[order.flip(0)]"),
    "claim-neighbours": ("images", "min(ordered) - max(", "-min(ordered) + max("),
    "claim-dcgan": ("images", "legible(dcgan_fakes)", "legible(-dcgan_fakes)"),
    "claim-fashion": ("images", "(shares > 0.01)", "(shares > 0.5)"),
    "claim-floor": ("images", "precision_recall(theirs, ours)", "precision_recall(ours, theirs)"),
    "claim-photocopies": ("images", '"leans": (to_seen <', '"leans": (to_seen >'),
    "claim-parzen": ("images", "(x + 1) / 2 for x", "(x + 1) for x"),
    "claim-samples-matter": ("images", "frechet(fresh[i : i + 100])", "frechet(fresh)"),
    "claim-walk": ("images", "for x in (walked, faded)", "for x in (faded, walked)"),
    "claim-border": ("images", "kinds_at_start) > 0.5", "kinds_at_start) > 0.9"),
    "claim-thief": ("images", ".item() > 0.75", ".item() > 0.25"),
}


class Verdict(NamedTuple):
    """What came of one fault."""

    fault: str
    caught: bool
    by: str


# --- claims -------------------------------------------------------------------------------------


RECORD = Path(__file__).with_name("mutants.json")  # chapter -> fingerprint, all faults caught


def fingerprint(path: Path) -> str:
    """A chapter's code without its layout, its tags and its faults, as one number.

    The package is not in it: after a change there that touches evidence, `make mutants` asks again.
    """
    code = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    told = [(ast.unparse(ast.parse(c.source)), c.metadata.get("tags", [])) for c in code]
    faults = sorted(item for item in CLAIMS.items() if item[1][0] == path.stem)
    return hashlib.sha256(repr((told, faults)).encode()).hexdigest()


def claim_verdicts(path: Path, again: bool = True) -> list[Verdict]:
    """All claims of one notebook, each with its mutant.

    The cells run once, in order. Before the cell that a mutant changes, the process forks: the
    child goes on with the changed cell up to the claim's, the parent with the true one. Unless
    `again`, a chapter that stands in the record is not run.
    """
    code = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    homes = {
        tag: number
        for number, cell in enumerate(code)
        for tag in cell.metadata.get("tags", [])
        if tag.startswith("claim-")
    }
    chapter = path.stem
    verdicts, forks = [], {}
    for tag in homes:
        if CLAIMS.get(tag, ("",))[0] != chapter:
            verdicts.append(Verdict(tag, False, f"no mutant in CLAIMS for a claim of {chapter}"))
            continue
        _, old, new = CLAIMS[tag]
        holders = [number for number, cell in enumerate(code) if old in cell.source]
        if len(holders) != 1 or code[holders[0]].source.count(old) != 1:
            verdicts.append(Verdict(tag, False, f"{old!r} does not stand once in {chapter}"))
        elif holders[0] > homes[tag]:
            verdicts.append(Verdict(tag, False, f"{old!r} stands after the claim's cell"))
        else:
            forks.setdefault(holders[0], []).append((tag, old, new))
    verdicts += [
        Verdict(tag, False, f"no cell of {chapter} has this tag")
        for tag, (name, _, _) in CLAIMS.items()
        if name == chapter and tag not in homes
    ]
    if not again and json.loads(RECORD.read_text()).get(chapter) == fingerprint(path):
        known = "caught before; neither code nor faults have changed since"
        verdicts.append(Verdict(f"{len(homes)} faults in {chapter}", True, known))
    elif forks:
        verdicts += play(path, code, homes, forks)
    return verdicts


def play(path: Path, code: list, homes: dict, forks: dict) -> list[Verdict]:
    """Run the cells and fork off the mutants; see `claim_verdicts`."""
    from IPython.core.interactiveshell import InteractiveShell
    from matplotlib import pyplot
    from tqdm import tqdm
    from traitlets.config import Config

    os.chdir(path.parent)
    with open(os.devnull, "w") as nowhere:  # what the cells print is no business of ours
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    tqdm.get_lock()  # made once here, or each child would leave one behind
    # No history: its thread would not survive a fork.
    shell = InteractiveShell.instance(config=Config(HistoryManager={"enabled": False}))

    def run_cell(source: str) -> BaseException | None:
        result = shell.run_cell(source, store_history=False)
        pyplot.close("all")
        return result.error_before_exec or result.error_in_exec

    def mutant(start: int, tag: str, old: str, new: str) -> tuple[bool, str]:
        for number in range(start, homes[tag] + 1):
            cell, source = code[number], code[number].source
            if number == start:
                source = source.replace(old, new)
            elif "slow" in cell.metadata.get("tags", []) and number != homes[tag]:
                continue
            error = run_cell(source)
            if error is not None:
                tags = [name for name, home in homes.items() if home == number]
                place = tags[0] if tags else f"code cell {number}"
                caught = isinstance(error, AssertionError) and bool(tags)
                return caught, f"{place}: {type(error).__name__}"
        return False, "survived"

    def forked(*arguments) -> tuple[bool, str]:
        receive, send = os.pipe()
        child = os.fork()
        if not child:
            try:
                os.write(send, json.dumps(mutant(*arguments)).encode())
            finally:
                os._exit(0)
        os.close(send)
        with open(receive, "rb") as pipe:
            answer = pipe.read()
        os.waitpid(child, 0)
        return tuple(json.loads(answer)) if answer else (False, "its process died")

    verdicts = []
    for number in range(max(forks) + 1):
        for tag, old, new in forks.get(number, []):
            verdicts.append(Verdict(f"{tag}: {old} → {new}", *forked(number, tag, old, new)))
        if (error := run_cell(code[number].source)) is not None:
            where = f"fails in code cell {number}: {error!r}"
            return [*verdicts, Verdict(f"{path.stem} without any fault", False, where)]
    return verdicts


def claims(again: bool) -> Iterator[Verdict]:
    """The claims of all chapters, two chapters at a time, each in a process of its own.

    Outside of CI a chapter whose faults are all caught is entered in the record.
    """
    os.environ.update(OMP_NUM_THREADS="1", GANBOOK_PLAIN="1", MPLBACKEND="agg")
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # a device would not survive a fork
    notebooks = sorted((run.ROOT / "book").glob("*.ipynb"))
    for tag in CLAIMS:
        if CLAIMS[tag][0] not in [path.stem for path in notebooks]:
            yield Verdict(tag, False, f"there is no chapter {CLAIMS[tag][0]!r}")
    with ProcessPoolExecutor(2, get_context("spawn"), max_tasks_per_child=1) as pool:
        for path, verdicts in zip(
            notebooks, pool.map(claim_verdicts, notebooks, itertools.repeat(again)), strict=True
        ):
            yield from verdicts
            if all(verdict.caught for verdict in verdicts) and "CI" not in os.environ:
                record = json.loads(RECORD.read_text()) | {path.stem: fingerprint(path)}
                RECORD.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")


# --- faults in the book -------------------------------------------------------------------------


class Fault(NamedTuple):
    """A file with a fault, the commands that must notice, the words that name the place."""

    name: str
    file: str
    text: str
    commands: list[list]
    place: tuple[str, ...]


def faults(book: Path) -> Iterator[Fault]:
    """The faults, planted in the first chapter, a page and the package of a copy of the book."""
    chapter, page, layer = "book/concept.ipynb", "book/notation.md", "ganbook/losses.py"
    notebook = nbformat.read(book / chapter, 4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]

    number, output, text = next(
        (number, output, output["text"])
        for number, cell in enumerate(code)
        if "nbval-ignore-output" not in cell.metadata.get("tags", [])
        for output in cell.outputs
        if re.search(r"\d", output.get("text", ""))
    )
    output["text"] = re.sub(r"\d", lambda digit: str((int(digit[0]) + 1) % 10), text, count=1)
    yield Fault(
        "a wrong number in a committed output",
        chapter,
        nbformat.writes(notebook),
        [[*run.NBVAL, "-x", chapter]],
        (f"{chapter}::Cell {number}", output["text"].splitlines()[0]),
    )
    output["text"] = text

    number, picture = next(
        (number, cell["metadata"]["mystnb"]["image"])
        for number, cell in enumerate(code)
        if "image" in cell.metadata.get("mystnb", {})
    )
    alt = picture.pop("alt")
    yield Fault(
        "a missing alt text",
        chapter,
        nbformat.writes(notebook),
        [run.SOURCES],
        (f"{chapter}, code cell {number}: a picture without alt text",),
    )
    picture["alt"] = alt

    text = (book / page).read_text(encoding="utf-8")
    yield Fault(
        "an outside image",
        page,
        f"{text}\n![a picture from elsewhere](https://example.org/outside.png)\n",
        [run.BUILD, [*run.PAGES, "-k", "notation"]],
        ("book/notation.html", "https://example.org/outside.png"),
    )
    yield Fault(
        "a broken cross-reference",
        page,
        f"{text}\nSee {{numref}}`no-such-figure`.\n",
        [run.BUILD],
        (page, "no-such-figure"),
    )

    text = (book / layer).read_text(encoding="utf-8")
    line = len(text.splitlines()) + 1
    yield Fault(
        "an upward import",
        layer,
        f"{text}from ganbook import train\n",
        [run.SOURCES],
        (f"{layer}:{line}", "ganbook.train"),
    )


def judged(fault: Fault, book: Path) -> Verdict:
    """Plant the fault, run what must notice it, and take it out again."""
    path = book / fault.file
    sound = path.read_bytes()
    path.write_text(fault.text, encoding="utf-8")
    environment = {**os.environ, **run.ONE_THREAD, **run.PLAIN, "PYTHONPATH": str(book)}
    try:
        for command in fault.commands:
            done = subprocess.run(
                command, cwd=book, env=environment, capture_output=True, text=True, check=False
            )
            said = done.stdout + done.stderr
            if done.returncode:
                missing = [words for words in fault.place if words not in said]
                if missing:
                    print(said[-3000:], file=sys.stderr)
                    return Verdict(fault.name, False, f"failed, but without naming {missing}")
                return Verdict(fault.name, True, " ".join(fault.place))
    finally:
        path.write_bytes(sound)
    return Verdict(fault.name, False, "survived")


def in_the_book() -> Iterator[Verdict]:
    """Plant each fault in a copy of the working tree: what git tracks, and what is new."""
    listing = [*("git", "-C", run.ROOT, "ls-files", "-z"), *("-co", "--exclude-standard")]
    names = subprocess.check_output(listing, text=True).split("\0")
    with tempfile.TemporaryDirectory() as folder:
        book = Path(folder)
        for name in names:
            if (run.ROOT / name).is_file():
                (book / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(run.ROOT / name, book / name)
        for fault in faults(book):
            yield judged(fault, book)


# ------------------------------------------------------------------------------------------------


def main(only_claims: bool) -> int:
    """Judge all faults, print a line for each, return the exit code."""
    survivors = 0
    for verdicts in [claims(again=False)] if only_claims else [in_the_book(), claims(again=True)]:
        for fault, caught, by in verdicts:
            survivors += not caught
            print(f"{'caught  ' if caught else 'SURVIVED'}  {fault}\n{'':10}{by}", flush=True)
    print(f"{survivors} faults survived" if survivors else "every fault was caught")
    return int(survivors > 0)


if __name__ == "__main__":
    sys.exit(main("--claims" in sys.argv[1:]))
