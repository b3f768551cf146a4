"""The losses of both stages, each term by itself.

B blurry input, S = deblur(B, sigma), G sharp picture of the pair (misaligned), R reblurring module.

    stage 1   rho(S, warp(G -> B))
    stage 2   m1 rho(S, warp(G -> S)) + m2 rho(warp(S -> G), G)
              + 0.5 rho(reblur(S), B) + 0.5 rho(sigma, sigma_R)

with rho(d) = sqrt(d^2 + eps^2). Source: arXiv 2409.17792. Where this differs from the paper:

* R reblurs the *warped sharp* image, and does so from the first step. The paper's R reblurs S; S starts as B, so
  from scratch "identity kernels, S = B" already satisfies that loss and nothing leads out of it. The kernels found
  between warped G and B are then applied, fixed, to S: that is the reblur loss S sees. The paper's form is
  ``LossConfig(reblur_source="restored")``.
* sigma is one number in pixels (the second moment of R's kernels), not a vector of 35 kernel seeds.
* m1 and m2 keep a pixel where the flow back undoes the flow there, instead of where its colour-coded flow lies near
  the image's mean.
* Images are reblurred as light and compared as code values, since that is how a lens blurs.
"""

from __future__ import annotations

import torch
from torch import Tensor

from train.alignment import batch_flow, trust_mask, warp
from train.config import LossConfig
from train.data.pool import Batch
from train.networks.reblur import ReblurNet, Reblurred

Terms = dict[str, Tensor]
"""Name of a term -> its weighted scalar."""


def charbonnier(difference: Tensor, eps: float) -> Tensor:
    """rho(d) = sqrt(d^2 + eps^2), element by element."""
    return torch.sqrt(difference * difference + eps * eps)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over all elements with masked ones counted as 0, so a mostly masked crop weighs little.

    Args:
        values: (B, C, H, W).
        mask: (B, 1, H, W), 0 or 1.
    """
    return (values * mask).mean()


def decode(srgb: Tensor) -> Tensor:
    """From sRGB in [0, 1] to light, by the square law of ``export.refocus``."""
    return srgb.clamp(0.0, 1.0) ** 2


def encode(light: Tensor) -> Tensor:
    """Light to code values, with a toe: a plain square root has an endless gradient in the dark."""
    return torch.sqrt(light + 1e-3)


def reblur_error(reblur_net: ReblurNet, sharp: Tensor, tap_weights: Tensor, blurry: Tensor, eps: float) -> Tensor:
    """rho(reblur(sharp), blurry) at each pixel, (B, 3, H, W): blurred as light, compared as code values."""
    reblurred = reblur_net.apply_kernels(decode(sharp), tap_weights)
    return charbonnier(encode(reblurred) - encode(decode(blurry)), eps)


def reblur_terms(
    reblur_net: ReblurNet,
    restored: Tensor,
    moved_sharp: Tensor,
    mask: Tensor,
    sigma_px: Tensor,
    blurry: Tensor,
    config: LossConfig,
    *,
    tie_restored: bool,
) -> tuple[Terms, Reblurred]:
    """The reblur loss and the pseudo supervision of the defocus map.

    Args:
        reblur_net: the reblurring module R.
        restored: S, (B, 3, H, W).
        moved_sharp: G moved onto the blurry image, without gradient.
        mask: (B, 1, H, W), where ``moved_sharp`` is trusted.
        sigma_px: (B, 1, H, W), the estimator's map.
        blurry: B.
        config: weights, and where the kernels come from.
        tie_restored: whether S takes part in the reblur loss (stage 2).

    Returns:
        The terms, and what R says.
    """
    eps = config.charbonnier_eps
    terms: Terms = {}
    if config.reblur_source == "restored":
        source = restored if tie_restored else restored.detach()
        kernels = reblur_net(source, blurry)
        terms["reblur"] = config.reblur * reblur_error(reblur_net, source, kernels.tap_weights, blurry, eps).mean()
        mask = torch.ones_like(mask)
    else:
        kernels = reblur_net(moved_sharp, blurry)
        error = reblur_error(reblur_net, moved_sharp, kernels.tap_weights, blurry, eps)
        terms["reblur_sharp"] = config.reblur * masked_mean(error, mask)
        if tie_restored:
            error = reblur_error(reblur_net, restored, kernels.tap_weights.detach(), blurry, eps)
            terms["reblur"] = config.reblur * masked_mean(error, mask)
    error_px = charbonnier(sigma_px - kernels.sigma_px.detach(), eps)
    terms["pseudo_sigma"] = config.pseudo_sigma * masked_mean(error_px, mask)
    return terms, kernels


def stage_one(restored: Tensor, batch: Batch, config: LossConfig) -> tuple[Terms, Tensor, Tensor]:
    """rho(S, warp(G -> B)) where the flow is trusted.

    Returns:
        The terms, G moved onto B, and its mask.
    """
    moved = warp(batch.sharp, batch.flow_to_sharp).clamp(0.0, 1.0)
    mask = trust_mask(batch.flow_to_sharp, batch.flow_to_blurry, config.flow_consistency_px)
    term = masked_mean(charbonnier(restored - moved, config.charbonnier_eps), mask)
    return {"deform": term}, moved, mask


def stage_two(restored: Tensor, batch: Batch, config: LossConfig) -> tuple[Terms, Tensor, Tensor]:
    """m1 rho(S, warp(G -> S)) + m2 rho(warp(S -> G), G), with flow between S and G as they are now.

    Returns:
        The terms, G moved onto S, and its mask.
    """
    eps = config.charbonnier_eps
    there = batch_flow(restored.clamp(0, 1), batch.sharp)
    back = batch_flow(batch.sharp, restored.clamp(0, 1))
    moved = warp(batch.sharp, there).clamp(0.0, 1.0)
    mask = trust_mask(there, back, config.flow_consistency_px)
    mask_back = trust_mask(back, there, config.flow_consistency_px)
    forward = masked_mean(charbonnier(restored - moved, eps), mask)
    backward = masked_mean(charbonnier(warp(restored, back) - batch.sharp, eps), mask_back)
    return {"deform": forward, "deform_back": backward}, moved, mask
