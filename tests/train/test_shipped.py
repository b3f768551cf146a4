"""The checkpoint that ships does what its model card says, on pictures it never saw."""

import dataclasses

import numpy as np
import pytest
import torch

from train.checkpoint import Deployable, load_deployable
from train.config import SceneConfig
from train.data.photos import Picture
from train.evaluation.held_out import HeldOut, held_out_scenes, scikit_image_pictures
from train.evaluation.inference import restore
from train.evaluation.metrics import psnr_per_image
from train.evaluation.summary import evaluate
from train.presets import mobile
from train.weights import SHIPPED

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shipped() -> Deployable:
    return load_deployable(SHIPPED)


@pytest.fixture(scope="module")
def pictures() -> list[Picture]:
    return scikit_image_pictures()


def scenes(pictures: list[Picture], **changes: float) -> HeldOut:
    scene_config: SceneConfig = dataclasses.replace(mobile().scenes, dead_leaves_share=0.0, **changes)  # type: ignore[arg-type]
    return held_out_scenes(pictures, dataclasses.replace(mobile(), scenes=scene_config), 24)


def test_it_is_the_mobile_preset(shipped: Deployable) -> None:
    assert shipped.config == mobile().networks


def test_it_deblurs_and_its_sigma_map_follows_the_true_one(shipped: Deployable, pictures: list[Picture]) -> None:
    figures = evaluate(shipped.deblur, shipped.defocus, scenes(pictures, sharp_share=0.0))
    print(figures)
    assert figures.gain_db > 1.0
    assert figures.sigma_mae_px < 0.6
    assert figures.sigma_correlation > 0.8


def test_sharp_pictures_are_left_nearly_alone(shipped: Deployable, pictures: list[Picture]) -> None:
    sharp = torch.from_numpy(np.stack([p[:256, :256].transpose(2, 0, 1) for p in pictures]))
    restored, sigma_px = restore(shipped.deblur, shipped.defocus, sharp)
    psnr_db = psnr_per_image(restored, sharp)
    print(f"sharp input against itself: {psnr_db.tolist()} dB, mean sigma {float(sigma_px.mean()):.2f} px")
    assert float(psnr_db.mean()) > 46.0
