import dataclasses
from typing import Any

import pytest
import torch

from runtime.system.errors import ReblurError
from train.config import RunConfig
from train.data.pair_pool import Batch
from train.networks.defocus import DefocusNet
from train.objective.losses import triplet_maker
from train.objective.step import Networks, StepResult, build_networks, compute_losses, prior_ramp, stage_of
from train.presets import paper_unet, smoke

SIZE = 32
BATCH = 4


def config_with(*, stage_three_from: float = 0.7, **loss: Any) -> RunConfig:
    base = smoke()
    fit = dataclasses.replace(
        base.fit,
        steps=100,
        stage_one_share=0.4,
        stage_three_from=stage_three_from,
        batch_size=BATCH,
        prior_ramp_from=0.0,
    )
    losses = {"triplet_share": 0.25, "sharp_share": 0.25} | loss
    return dataclasses.replace(base, fit=fit, loss=dataclasses.replace(base.loss, **losses))


PAPER = config_with(
    stage_three_from=1.0,
    deform="two_way",
    alignment="flow",
    reblur_source="restored",
    triplet_share=0.0,
    sharp_share=0.0,
)
PLAIN = config_with(
    stage_three_from=1.0, deform="pixel", reblur=0.0, pseudo_sigma=0.0, triplet_share=0.0, sharp_share=0.0
)
OURS = config_with()
DECOUPLED = config_with(decoupled=True, masks=False, reblur=0.0, triplet_share=0.0, sharp_share=0.5)


def batch(networks: Networks | None = None) -> Batch:
    torch.manual_seed(0)
    blurry, sharp, moved = torch.rand(3, BATCH, 3, SIZE, SIZE)
    flow, one = torch.zeros(BATCH, 2, SIZE, SIZE), torch.ones(BATCH, 1, SIZE, SIZE)
    made, sigma_px = (
        (torch.zeros_like(moved), 0 * one) if networks is None else triplet_maker(networks.reblur)(moved, blurry)
    )
    return Batch(blurry, sharp, flow, flow, moved, one, made, sigma_px, torch.arange(BATCH) / BATCH)


def networks_of(config: RunConfig) -> Networks:
    torch.manual_seed(1)
    networks = build_networks(config)
    torch.nn.init.normal_(networks.deblur.unet.head.weight, std=0.1)  # type: ignore[union-attr, arg-type]
    return networks


def run(config: RunConfig, step: int) -> tuple[Networks, StepResult]:
    networks = networks_of(config)
    return networks, compute_losses(networks, batch(networks), step, config)


def reached(term: torch.Tensor, network: torch.nn.Module) -> bool:
    """Whether a term has any gradient in a network's weights."""
    gradients = torch.autograd.grad(term, list(network.parameters()), allow_unused=True, retain_graph=True)
    return any(g is not None and float(g.abs().sum()) > 0 for g in gradients)


def test_the_stages_end_where_the_shares_say() -> None:
    assert [stage_of(step, OURS) for step in (0, 39, 40, 69, 70, 99)] == [1, 1, 2, 2, 3, 3]


def test_the_prior_is_ramped_up_over_stage_one() -> None:
    assert prior_ramp(0, OURS) == pytest.approx(1 / 40)
    assert prior_ramp(19, OURS) == pytest.approx(0.5)
    assert prior_ramp(39, OURS) == prior_ramp(99, OURS) == 1.0


@pytest.mark.parametrize(
    ("config", "step", "terms"),
    [
        (OURS, 0, {"reblur_sharp", "deform", "pseudo_sigma"}),
        (OURS, 50, {"reblur_sharp", "deform", "reblur", "pseudo_sigma"}),
        (OURS, 80, {"deform", "pseudo_sigma"}),
        (PAPER, 0, {"deform", "reblur", "pseudo_sigma"}),
        (PAPER, 50, {"deform", "deform_back", "reblur", "pseudo_sigma"}),
        (PLAIN, 50, {"deform"}),
        (DECOUPLED, 0, {"reblur_sharp", "deform", "pseudo_sigma", "sharp_sigma"}),
        (DECOUPLED, 80, {"deform", "pseudo_sigma", "sharp_sigma"}),
    ],
)
def test_each_stage_has_its_terms(config: RunConfig, step: int, terms: set[str]) -> None:
    assert set(run(config, step)[1].terms) == terms


@pytest.mark.parametrize("step", [0, 50, 80])
def test_the_estimator_learns_from_the_reblurring_module_alone(step: int) -> None:
    networks, result = run(OURS, step)
    assert reached(result.terms["pseudo_sigma"], networks.defocus)
    assert not any(reached(v, networks.defocus) for name, v in result.terms.items() if name != "pseudo_sigma")


def test_without_pseudo_supervision_the_deblurring_loss_teaches_it() -> None:
    networks, result = run(PLAIN, 50)
    assert reached(result.terms["deform"], networks.defocus)


@pytest.mark.parametrize("config", [OURS, PAPER])
def test_the_restored_image_feels_the_reblurring_in_stage_two_only(config: RunConfig) -> None:
    networks, first = run(config, 0)
    assert "reblur" not in first.terms or not reached(first.terms["reblur"], networks.deblur)
    networks, second = run(config, 50)
    assert reached(second.terms["reblur"], networks.deblur)


def test_the_pseudo_supervision_does_not_reach_the_reblurring_module() -> None:
    networks, result = run(OURS, 50)
    assert not reached(result.terms["pseudo_sigma"], networks.reblur)
    assert reached(result.terms["reblur_sharp"], networks.reblur)


def test_in_stage_three_the_reblurring_module_rests() -> None:
    networks, result = run(OURS, 80)
    assert result.reblurred is None
    assert not any(reached(term, networks.reblur) for term in result.terms.values())


def test_stage_two_and_three_make_the_same_triplets() -> None:
    """The same step number, so that the noise is the same."""
    networks = networks_of(OURS)
    made = batch(networks)
    here = compute_losses(networks, made, 50, OURS)
    kept = compute_losses(networks, made, 50, config_with(stage_three_from=0.5))
    torch.testing.assert_close(here.terms["deform"], kept.terms["deform"])
    torch.testing.assert_close(here.terms["pseudo_sigma"], kept.terms["pseudo_sigma"])


def test_crops_at_the_front_of_the_batch_are_sharp_and_then_triplets() -> None:
    """With an estimator that sees nothing, its input shows in the restored picture of an untrained network."""
    networks = build_networks(OURS)  # the head is zero: restored == what the network saw
    made = batch(networks)
    restored = compute_losses(networks, made, 80, OURS).restored
    torch.testing.assert_close(restored[0], made.sharp[0])
    assert 0.0 < float((restored[1] - made.reblurred[1]).detach().abs().mean()) < 0.01  # the triplet, with its noise
    torch.testing.assert_close(restored[2:], made.blurry[2:])


def test_two_halves_of_a_batch_have_the_mean_of_its_losses() -> None:
    """So several processes that share a batch train as one does."""
    networks = networks_of(OURS)
    whole = batch(networks)
    for config, step in [(OURS, 0), (OURS, 50), (OURS, 80), (DECOUPLED, 0), (DECOUPLED, 80)]:
        one = compute_losses(networks, whole, step, config).terms
        halves = [
            compute_losses(networks, Batch(*(t[rank::2] for t in whole)), step, config).terms for rank in range(2)
        ]
        for name, value in one.items():
            torch.testing.assert_close(value, (halves[0][name] + halves[1][name]) / 2)


def test_masked_pixels_do_not_count() -> None:
    networks = networks_of(OURS)
    made = batch(networks)
    masked = made._replace(mask=torch.zeros_like(made.mask))
    terms = compute_losses(networks, masked, 50, config_with(sharp_share=0.0)).terms
    assert all(float(value.detach()) == 0.0 for value in terms.values())


@pytest.mark.parametrize("step", [0, 80])
def test_decoupled_each_network_has_a_loss_of_its_own(step: int) -> None:
    networks, result = run(DECOUPLED, step)
    taught = {"deblur": {"deform"}, "defocus": {"pseudo_sigma", "sharp_sigma"}, "reblur": {"reblur_sharp"}}
    for name, network in networks._asdict().items():
        assert {term for term, value in result.terms.items() if reached(value, network)} == taught[name] & set(
            result.terms
        )


def test_decoupled_the_restoration_is_not_faded() -> None:
    """Without a fade an estimator that sees no blur at all holds nothing back."""
    networks = networks_of(DECOUPLED)
    assert isinstance(networks.defocus, DefocusNet)
    assert networks.defocus.unet.head.bias is not None
    torch.nn.init.constant_(networks.defocus.unet.head.bias, -50.0)
    made = batch(networks)
    result = compute_losses(networks, made, 80, DECOUPLED)
    assert float((result.restored - made.blurry).detach().abs().mean()) > 0.01
    torch.testing.assert_close(networks.deblur(made.blurry, result.blur_map), made.blurry)


def test_decoupled_masked_pixels_count_only_where_masks_are_asked_for() -> None:
    networks = networks_of(DECOUPLED)
    made = batch(networks)
    masked = made._replace(mask=torch.zeros_like(made.mask))
    assert float(compute_losses(networks, masked, 80, DECOUPLED).terms["deform"].detach()) > 0.0
    with_masks = dataclasses.replace(DECOUPLED, loss=dataclasses.replace(DECOUPLED.loss, masks=True))
    assert float(compute_losses(networks, masked, 80, with_masks).terms["deform"].detach()) == 0.0


def test_decoupled_with_terms_that_couple_is_refused() -> None:
    with pytest.raises(ReblurError, match=r'decoupled needs deform="moved", reblur=0, triplet_share=0'):
        config_with(decoupled=True, triplet_share=0.25)
    with pytest.raises(ReblurError, match=r"decoupled needs the plain U-Net.*got paper_unet"):
        dataclasses.replace(paper_unet(), loss=DECOUPLED.loss)
