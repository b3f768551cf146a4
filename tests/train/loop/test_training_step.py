import dataclasses

import pytest
import torch

from train.config import RunConfig
from train.data.pair_pool import PairPool
from train.data.synthetic_pairs import SyntheticSource
from train.loop.run_state import RunState, initial_state, learning_rate
from train.loop.training_step import training_step
from train.objective.losses import triplet_maker
from train.presets import smoke


def config_of_four_steps() -> RunConfig:
    """The reblurring module alone, then one step of each stage."""
    base = smoke()
    fit = dataclasses.replace(
        base.fit,
        steps=3,
        reblur_first_steps=1,
        stage_one_share=0.3,
        stage_three_from=0.6,
        batch_size=4,
        crop_px=32,
        pool_size=2,
        pool_refresh=0,
        warmup_steps=2,
    )
    scenes = dataclasses.replace(base.scenes, size_px=40, dead_leaves_count=2)
    return dataclasses.replace(base, scenes=scenes, fit=fit)


@pytest.fixture
def run() -> tuple[RunState, PairPool, RunConfig]:
    config = config_of_four_steps()
    return initial_state(config), PairPool(SyntheticSource([], config), config), config


def weights(module: torch.nn.Module) -> list[torch.Tensor]:
    return [tensor.detach().clone() for tensor in module.parameters()]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_each_step_trains_the_networks_of_its_stage(run: tuple[RunState, PairPool, RunConfig]) -> None:
    state, pool, config = run
    watched = {**state.networks._asdict(), "average": state.average.module}
    moved = []
    for _ in range(5):
        before = {name: weights(module) for name, module in watched.items()}
        training_step(state, pool, config)
        moved.append({name for name, module in watched.items() if not same(before[name], weights(module))})
    assert moved == [
        {"reblur"},
        {"deblur", "defocus", "reblur", "average"},
        {"deblur", "defocus", "reblur", "average"},
        {"deblur", "defocus", "reblur", "average"},  # the reblurring module becomes its own average,
        {"deblur", "defocus", "average"},  # and rests
    ]
    assert state.step == pool.step == 5
    assert int(state.average.n_averaged) == 4  # its decay grows with every update: none is spent while R trains alone


def test_triplets_are_made_when_stage_three_begins_by_the_module_as_it_is_then(
    run: tuple[RunState, PairPool, RunConfig],
) -> None:
    state, pool, config = run
    for _ in range(3):
        assert not training_step(state, pool, config).batch.sigma_px.any()
    training_step(state, pool, config)
    parts = dict(zip(("blurry", "moved", "made", "sigma_px"), _parts(pool), strict=True))
    made, sigma_px = triplet_maker(state.networks.reblur)(parts["moved"], parts["blurry"])
    torch.testing.assert_close(parts["made"], made, atol=1e-5, rtol=0)
    torch.testing.assert_close(parts["sigma_px"], sigma_px, atol=1e-5, rtol=0)


def _parts(pool: PairPool) -> tuple[torch.Tensor, ...]:
    """What of the pool's tensor a triplet is made of, and the triplet."""
    return pool.pairs[:, 0:3], pool.pairs[:, 10:13], pool.pairs[:, 14:17], pool.pairs[:, 17:18]


def test_a_step_is_taken_at_the_rate_of_the_schedule(run: tuple[RunState, PairPool, RunConfig]) -> None:
    state, pool, config = run
    for step in range(4):
        stepped = training_step(state, pool, config)
        assert [group["lr"] for group in state.optimiser.param_groups] == [learning_rate(step, config)]
        assert set(stepped.norms) == {"deblur", "defocus", "reblur"}
        assert stepped.waiting_s > 0.0
