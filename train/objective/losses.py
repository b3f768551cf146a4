"""The losses, each term by itself.

B blurry input, S = deblur(B, sigma), G sharp picture of the pair (misaligned), R reblurring module.

    the paper (arXiv 2409.17792)
    stage 1   rho(S, warp(G -> B))
    stage 2   m1 rho(S, warp(G -> S)) + m2 rho(warp(S -> G), G)
              + 0.5 rho(reblur(S), B) + 0.5 rho(seeds, seeds_R)

with rho(d) = sqrt(d^2 + eps^2). All of it can be had (``LossConfig``: deform="two_way", alignment="flow",
reblur_source="restored"). What ``mobile`` uses differs, for reasons that ``train/RESULTS.md`` measures:

* R reblurs the *moved sharp* image, and does so from the first step. The paper's R reblurs S; S starts as B, so
  from scratch "identity kernels, S = B" already satisfies that loss and nothing leads out of it.
* G is moved once, by flow between pictures of matched blur, not in every step by flow between S and G.
* The networks are trained apart (``decoupled``): S is held to moved G alone, sigma to R's and, on sharp pictures, to
  0. The fade by sigma, which training leaves out, keeps from S what is in focus.
* sigma is one number in pixels (the second moment of R's kernels), not a vector of 35 kernel seeds.
* In stage 3 R rests: what it made of each pair (once, like the flow) is all that is needed of it.
* Images are reblurred as light and compared as code values, since that is how a lens blurs.

Trained together (``smoke``, and what the ablation compares with), S also sees the reblur loss, by the kernels found
between moved G and B, and R makes *triplets* with them: moved G, moved G under these kernels, and their sigma.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import huber_loss

from train.config import LossConfig
from train.data.alignment import batch_flow, trust_mask, warp
from train.data.pair_pool import Batch, Reblur
from train.networks.reblur import ReblurNet
from train.optics.light import decode, encode, encode_with_toe

OCTAVES_FROM_PX = 0.3
"""Sigma about which ``sigma_error`` goes from pixels to octaves."""
SMALLEST_LOGIT = -5.0
"""Of the estimator: whatever lies below means sharp (0.05 px and less)."""
SMALLEST_SIGMOID = 1e-36
"""Near the smallest number of float32."""

Terms = dict[str, Tensor]
"""Name of a term -> its weighted scalar."""


def charbonnier(difference: Tensor, eps: float) -> Tensor:
    """rho(d) = sqrt(d^2 + eps^2), element by element."""
    return torch.sqrt(difference * difference + eps * eps)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over all elements with masked ones counted as 0, so a mostly masked crop weighs little.

    Args:
        values: (B, C, H, W).
        mask: (B, 1, H, W), 0 or 1, or any weights.
    """
    return (values * mask).mean()


def sigma_error(found_px: Tensor, sigma_px: Tensor, eps: float) -> Tensor:
    """Rho of the difference in octaves of sigma, element by element: near zero small differences count most.

    Args:
        found_px: (B, 1, H, W), pixels.
        sigma_px: (B, 1, H, W), what it should be.
        eps: of rho.
    """
    octaves, wanted = (torch.log2(sigma + OCTAVES_FROM_PX) for sigma in (found_px, sigma_px))
    return charbonnier(octaves - wanted, eps)


def low_logits(sigma_px: Tensor, sigma_max_px: float) -> Tensor:
    """How far the estimator's logits lie below ``SMALLEST_LOGIT`` on average: squared up to 1, then linear.

    All that is sharp may lie anywhere below it as far as sigma goes, so training lets such logits run away by
    hundreds, and the activations that make them by thousands: too far apart for half precision, let alone eight bits.

    Args:
        sigma_px: (B, 1, H, W) float32, pixels; a scaled sigmoid.
        sigma_max_px: its scale.
    """
    # Far below 0 a logit is the logarithm of its sigmoid, which has a gradient as long as that is a number.
    logits = torch.log((sigma_px.float() / sigma_max_px).clamp(min=SMALLEST_SIGMOID))
    return huber_loss((SMALLEST_LOGIT - logits).clamp(min=0.0), torch.zeros_like(logits))


def reblur_error(reblur_net: ReblurNet, sharp: Tensor, tap_weights: Tensor, blurry: Tensor, eps: float) -> Tensor:
    """rho(reblur(sharp), blurry) at each pixel, (B, 3, H, W): blurred as light, compared as code values."""
    reblurred = reblur_net.apply_kernels(decode(sharp), tap_weights)
    return charbonnier(encode_with_toe(reblurred) - encode_with_toe(decode(blurry)), eps)


def reblur_picture(reblur_net: ReblurNet, sharp: Tensor, tap_weights: Tensor) -> Tensor:
    """``sharp`` (B, 3, H, W) under the kernels, as code values in [0, 1]."""
    return encode(reblur_net.apply_kernels(decode(sharp), tap_weights))


def triplet_maker(reblur_net: ReblurNet) -> Reblur:
    """Makes triplets of pairs with R as it is now; see ``train.data.pair_pool.PairPool.make_triplets``."""

    @torch.no_grad()
    def make(moved_sharp: Tensor, blurry: Tensor) -> tuple[Tensor, Tensor]:
        found = reblur_net(moved_sharp, blurry)
        return reblur_picture(reblur_net, moved_sharp, found.tap_weights), found.sigma_px

    return make


def two_way_terms(restored: Tensor, batch: Batch, config: LossConfig) -> Terms:
    """m1 rho(S, warp(G -> S)) + m2 rho(warp(S -> G), G), with flow between S and G as they are now."""
    eps = config.charbonnier_eps
    there = batch_flow(restored.clamp(0, 1), batch.sharp, config.flow)
    back = batch_flow(batch.sharp, restored.clamp(0, 1), config.flow)
    moved = warp(batch.sharp, there).clamp(0.0, 1.0)
    if config.masks:
        mask = trust_mask(there, back, config.flow_consistency_px)
        mask_back = trust_mask(back, there, config.flow_consistency_px)
    else:
        mask = mask_back = torch.ones_like(restored[:, :1])
    forward = masked_mean(charbonnier(restored - moved, eps), mask)
    backward = masked_mean(charbonnier(warp(restored, back) - batch.sharp, eps), mask_back)
    return {"deform": forward, "deform_back": backward}
