"""One optimiser step of the method: what the networks see, and the terms they are held to.

Stage 1: the deblurring loss; the reblurring module learns from the moved sharp picture.
Stage 2: the reblurring loss and triplets come in.
Stage 3: the reblurring module rests; its triplets, made once for each pair, train the other two.

Decoupled, there are no triplets, and stages 1 and 2 are alike: see ``_decoupled_losses``.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from train.config import LossConfig, RunConfig
from train.data.pair_pool import Batch
from train.networks.build import Deblurrer, Estimator, build_deblur, build_defocus, build_reblur
from train.networks.deblur import DeblurNet
from train.networks.reblur import ReblurNet, Reblurred
from train.objective.losses import (
    Terms,
    charbonnier,
    low_logits,
    masked_mean,
    reblur_error,
    reblur_picture,
    sigma_error,
    two_way_terms,
)


class Networks(NamedTuple):
    """The three networks in training."""

    deblur: Deblurrer
    defocus: Estimator
    reblur: ReblurNet


class StepResult(NamedTuple):
    """What a step computed, for the log and the pictures."""

    terms: Terms
    restored: Tensor
    blur_map: Tensor
    """(B, K, H, W): sigma in pixels (K = 1), or the paper's kernel seeds."""
    reblurred: Reblurred | None
    """What the reblurring module says; None where it takes no part, as in stage 3."""


class Inputs(NamedTuple):
    """What the networks see and are held against, after triplets have taken the place of some pairs."""

    blurry: Tensor
    """(B, 3, H, W)."""
    target: Tensor
    """(B, 3, H, W)."""
    mask: Tensor
    """(B, 1, H, W), 1 where ``target`` is trusted."""
    is_pair: Tensor
    """(B, 1, 1, 1) bool, whether the blurry image is the one of the pair."""
    is_sharp: Tensor
    """(B, 1, 1, 1) bool, whether the blurry image is a sharp one."""


def build_networks(config: RunConfig) -> Networks:
    """Freshly initialised networks; seed torch before."""
    return Networks(build_deblur(config.networks), build_defocus(config.networks), build_reblur(config.networks))


def stage_of(step: int, config: RunConfig) -> int:
    """1, 2 or 3."""
    share = step / config.fit.steps
    if share < config.fit.stage_one_share:
        return 1
    return 2 if share < config.fit.stage_three_from else 3


def prior_ramp(step: int, config: RunConfig) -> float:
    """Factor on the blur map: from ``prior_ramp_from`` to 1 over stage 1, then 1."""
    stage_one_steps = config.fit.stage_one_share * config.fit.steps
    if step >= stage_one_steps:
        return 1.0
    start = config.fit.prior_ramp_from
    return start + (1.0 - start) * (step + 1) / stage_one_steps


def compute_losses(networks: Networks, batch: Batch, step: int, config: RunConfig) -> StepResult:
    """All terms of the stage that ``step`` belongs to.

    Where the blur map is supervised by the reblurring module it enters the deblurring network without gradient: it
    has to stay in pixels, not become whatever helps to deblur.
    """
    loss, stage = config.loss, stage_of(step, config)
    terms: Terms = {}
    reblurred: Reblurred | None = None
    if loss.makes_triplets and stage < 3:
        reblurred = networks.reblur(batch.moved_sharp, batch.blurry)
        taps = reblurred.tap_weights
        error = reblur_error(networks.reblur, batch.moved_sharp, taps, batch.blurry, loss.charbonnier_eps)
        terms["reblur_sharp"] = 0.5 * masked_mean(error, batch.mask)
    if loss.decoupled:
        return _decoupled_losses(networks, batch, reblurred, terms, step, config)
    inputs = _inputs(networks.reblur, batch, reblurred, config, step)
    blur_map = networks.defocus(inputs.blurry)
    prior = blur_map.detach() if loss.pseudo_sigma else blur_map
    restored = networks.deblur(inputs.blurry, prior * prior_ramp(step, config))
    if loss.deform == "two_way" and stage == 2:
        terms |= two_way_terms(restored, batch, loss)
    else:
        terms["deform"] = masked_mean(charbonnier(restored - inputs.target, loss.charbonnier_eps), inputs.mask)
    if loss.uses_reblurring and stage < 3:
        more, reblurred = _reblur_term(networks.reblur, restored, reblurred, batch, inputs, loss, stage)
        terms |= more
    if loss.pseudo_sigma:
        target = batch.sigma_px if reblurred is None else _pseudo_target(blur_map, reblurred)
        terms["pseudo_sigma"] = loss.pseudo_sigma * _pseudo_loss(blur_map, target, inputs, loss)
    return StepResult(terms, restored, blur_map, reblurred)


def _decoupled_losses(
    networks: Networks, batch: Batch, reblurred: Reblurred | None, terms: Terms, step: int, config: RunConfig
) -> StepResult:
    """One loss for the deblurring network, one for the estimator, the reblurring module between them.

    A moved sharp picture is never quite in place, so it teaches to soften what is in focus; what keeps a network from
    that within one training costs gain where there is blur. So the deblurring network learns from pairs alone, and
    nothing holds it back. The estimator learns to tell what is in focus: from R's sigma, and from sharp pictures, of
    which sigma is 0. The fade by its map then leaves alone what needs nothing.
    """
    loss, eps = config.loss, config.loss.charbonnier_eps
    blur_map = networks.defocus(batch.blurry)
    prior = blur_map.detach() * prior_ramp(step, config)
    assert isinstance(networks.deblur, DeblurNet)
    restored = networks.deblur(batch.blurry, prior, faded=False)
    mask = batch.mask if loss.masks else torch.ones_like(batch.mask)
    terms["deform"] = masked_mean(charbonnier(restored - batch.moved_sharp, eps), mask)
    sigma_px = batch.sigma_px if reblurred is None else reblurred.sigma_px.detach()
    terms["pseudo_sigma"] = _map_loss(blur_map, sigma_px, config)
    is_sharp = batch.place < loss.sharp_share
    if loss.sharp_share:
        terms["sharp_sigma"] = _sharp_sigma_loss(networks.defocus, batch, is_sharp, step, config)
    return StepResult(terms, restored, blur_map, reblurred)


def _sharp_sigma_loss(defocus: Estimator, batch: Batch, chosen: Tensor, step: int, config: RunConfig) -> Tensor:
    """The estimator's loss on the sharp pictures ``chosen`` (B,), every other with a camera's noise; mean over B."""
    sharp, place = batch.sharp[chosen], batch.place[chosen]
    if not len(sharp):  # in this process; in the others there may be some
        return batch.sharp.new_zeros(())
    with_noise = (torch.round(place * config.fit.batch_size) % 2 == 0).view(-1, 1, 1, 1)
    sharp = torch.where(with_noise, (sharp + _noise(sharp, place, step, config)).clamp(0.0, 1.0), sharp)
    found = defocus(sharp)
    return _map_loss(found, torch.zeros_like(found), config) * (len(sharp) / len(batch.sharp))


def _map_loss(found_px: Tensor, sigma_px: Tensor, config: RunConfig) -> Tensor:
    """The estimator's error against a map, and what keeps its logits in reach."""
    loss = config.loss
    total = loss.pseudo_sigma * sigma_error(found_px, sigma_px, loss.charbonnier_eps).mean()
    if loss.low_logits:
        total = total + loss.low_logits * low_logits(found_px, config.networks.sigma_max_px)
    return total


def _reblur_term(
    reblur_net: ReblurNet,
    restored: Tensor,
    reblurred: Reblurred | None,
    batch: Batch,
    inputs: Inputs,
    loss: LossConfig,
    stage: int,
) -> tuple[Terms, Reblurred]:
    """rho(reblur(S, B), B), by the kernels that are there already or, as in the paper, by those found from S."""
    eps = loss.charbonnier_eps
    if reblurred is None:
        source = restored if stage == 2 else restored.detach()
        reblurred = reblur_net(source, batch.blurry)
        error = reblur_error(reblur_net, source, reblurred.tap_weights, batch.blurry, eps)
        return {"reblur": loss.reblur * error.mean()}, reblurred
    if stage == 1 or not loss.reblur:
        return {}, reblurred
    error = reblur_error(reblur_net, restored, reblurred.tap_weights.detach(), batch.blurry, eps)
    return {"reblur": loss.reblur * masked_mean(error, batch.mask * inputs.is_pair)}, reblurred


def _pseudo_target(blur_map: Tensor, reblurred: Reblurred) -> Tensor:
    """What R says in the estimator's terms: sigma in pixels (one channel) or kernel seeds; without gradient."""
    return (reblurred.sigma_px if blur_map.shape[1] == 1 else reblurred.seeds).detach()


def _pseudo_loss(blur_map: Tensor, target: Tensor, inputs: Inputs, loss: LossConfig) -> Tensor:
    """Pseudo supervision of the estimator by R's map; of a sharp picture by 0."""
    target = torch.where(inputs.is_sharp, 0.0, target)
    mask = inputs.mask if loss.makes_triplets else torch.ones_like(inputs.mask)
    return masked_mean(charbonnier(blur_map - target, loss.charbonnier_eps), mask)


def _inputs(reblur_net: ReblurNet, batch: Batch, reblurred: Reblurred | None, config: RunConfig, step: int) -> Inputs:
    """The batch, its first pairs replaced by sharp pictures and triplets in the shares the configuration gives.

    Which pairs stand first is random already.
    """
    loss = config.loss
    by_pixel = loss.deform == "pixel"
    place = batch.place.view(-1, 1, 1, 1)
    is_sharp = place < loss.sharp_share
    is_triplet = ~is_sharp & (place < loss.sharp_share + loss.triplet_share) & (stage_of(step, config) > 1)
    target = batch.sharp if by_pixel else batch.moved_sharp
    mask = batch.mask if loss.masks and not by_pixel else torch.ones_like(batch.mask)
    blurry = torch.where(is_sharp, batch.sharp, batch.blurry)
    if is_triplet.any():
        made = batch.reblurred if reblurred is None else _reblurred_picture(reblur_net, batch, reblurred, is_triplet)
        noisy = (made + _noise(made, batch.place, step, config)).clamp(0.0, 1.0)
        blurry = torch.where(is_triplet, noisy, blurry)
    return Inputs(
        blurry,
        torch.where(is_sharp, batch.sharp, target),
        torch.where(is_sharp, 1.0, mask),
        ~(is_sharp | is_triplet),
        is_sharp,
    )


@torch.no_grad()
def _reblurred_picture(reblur_net: ReblurNet, batch: Batch, reblurred: Reblurred, chosen: Tensor) -> Tensor:
    """The moved sharp picture under R's kernels where ``chosen`` (B, 1, 1, 1), elsewhere as it is."""
    made, rows = batch.moved_sharp.clone(), chosen.flatten()
    made[rows] = reblur_picture(reblur_net, batch.moved_sharp[rows], reblurred.tap_weights[rows])
    return made


def _noise(like: Tensor, place: Tensor, step: int, config: RunConfig) -> Tensor:
    """White noise of a random strength for each picture, as the scenes have it: reblurring removes it.

    Drawn from the step and the picture's place in the batch: so a resumed run draws the same, and so do several
    processes that share a batch.
    """
    noise = []
    for where in place.tolist():
        generator = torch.Generator(device=like.device).manual_seed(step * 65_537 + round(where * 65_536))
        night, share = torch.rand(2, generator=generator, device=like.device)
        scenes = config.scenes
        strength = share * torch.where(night < scenes.night_share, scenes.night_noise_max, scenes.noise_max)
        noise.append(strength * torch.randn(like.shape[1:], generator=generator, device=like.device))
    return torch.stack(noise)
