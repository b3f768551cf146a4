"""What the ablation is made to show, claim by claim, and whether its runs bear it out.

A claim holds where every seed bears it out by itself, and fails where none does; between, the runs differ by more than
what is claimed, and nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from train.ablation.variants import ORACLE, OURS, PIXEL_LOSS, Result

HEADLINE_PX = 4.0
LARGE_PX = 8.0
HOLDS, FAILS, UNDECIDED = "**holds**", "**fails**", "**not decided**"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """That one figure of a variant is at least a share of another variant's."""

    text: str
    value: str
    """Field of ``Result``, in dB, more is better."""
    variant: str = OURS
    other: str | None = ORACLE
    """None: the blurry input, whose gain is 0."""
    share: float = 1.0
    misalignment_px: float = HEADLINE_PX
    reversed: bool = False
    """Whether the variant is to lie below instead."""


CLAIMS = (
    Claim(
        text="plain pixel loss ends below the blurry input",
        variant=PIXEL_LOSS,
        other=None,
        value="gain_db",
        reversed=True,
    ),
    Claim(text="93 % of what aligned pairs teach, all scenes", value="gain_db", share=0.93),
    Claim(text="95 % of it on the blurred scenes", value="blurred_gain_db", share=0.95),
    Claim(text="90 % of it where sigma is 2.5 px and more", value="large_blur_db", share=0.90),
    Claim(text="no more harm in focus than aligned pairs do", value="sharp_gain_db"),
    Claim(
        text="90 % of it on pairs misaligned by 8 px, all scenes", value="gain_db", share=0.90, misalignment_px=LARGE_PX
    ),
    *(
        Claim(text=f"better than {other}, {scenes}", other=other, value=value)
        for other in ("warping, masks", "coupled")
        for scenes, value in (("all scenes", "gain_db"), ("the worst tenth", "worst_tenth_db"))
    ),
)
"""Beside these, each part of the recipe has to pay, see ``verdicts``."""
WITHOUT = f"{OURS}, "
"""What names of variants begin with that have one part of the recipe taken away or changed."""
LARGEST_SIGMA_MAE_PX = 0.5


def verdicts(results: Sequence[Result]) -> list[str]:
    """A line for each claim that there are runs for."""
    parts = dict.fromkeys(r.variant for r in results if r.variant.startswith(WITHOUT))
    pays = [Claim(text=f"better than {part}, all scenes", other=part, value="gain_db") for part in parts]
    lines = [line for claim in (*CLAIMS, *pays) if (line := _line(claim, results))]
    maps = [r.sigma_mae_px for r in _runs(results, OURS, HEADLINE_PX).values() if r.sigma_mae_px is not None]
    if maps:
        within = [value <= LARGEST_SIGMA_MAE_PX for value in maps]
        shown = "; ".join(f"{value:.2f} px" for value in maps)
        lines.append(f"* {_word(within)}: sigma within {LARGEST_SIGMA_MAE_PX:g} px on textured area ({shown}).")
    return lines


def _line(claim: Claim, results: Sequence[Result]) -> str | None:
    borne_out, figures = [], []
    for ours, other in _pairs(claim, results):
        # Of a loss a share would be a reward: there, the other's own figure counts.
        bound = claim.share * other if other > 0 else other
        borne_out.append(ours < bound if claim.reversed else ours >= bound)
        against = "" if claim.other is None else f" against {other:+.2f}"
        percent = f", {ours / other:.0%}" if claim.share < 1 and other > 0 else ""
        figures.append(f"{ours:+.2f}{against} dB{percent}")
    return f"* {_word(borne_out)}: {claim.text} ({'; '.join(figures)})." if figures else None


def _pairs(claim: Claim, results: Sequence[Result]) -> Iterator[tuple[float, float]]:
    """Both figures, seed by seed. Aligned pairs are the same whatever the misalignment."""
    ours = _runs(results, claim.variant, claim.misalignment_px)
    at_px = HEADLINE_PX if claim.other == ORACLE else claim.misalignment_px
    others = {} if claim.other is None else _runs(results, claim.other, at_px)
    for seed, result in sorted(ours.items()):
        if claim.other is None:
            yield getattr(result, claim.value), 0.0
        elif seed in others:
            yield getattr(result, claim.value), getattr(others[seed], claim.value)


def _runs(results: Sequence[Result], variant: str, misalignment_px: float) -> dict[int, Result]:
    return {r.seed: r for r in results if r.variant == variant and r.misalignment_px == misalignment_px}


def _word(borne_out: Sequence[bool]) -> str:
    if all(borne_out):
        return HOLDS
    return UNDECIDED if any(borne_out) else FAILS
