import dataclasses

import numpy as np
import pytest
import torch

from train.config import SceneConfig
from train.data.camera import Exposure
from train.data.depth_layers import Outline
from train.data.psf import ApertureShape
from train.data.scene_parameters import Lights, ScenePlan, draw_depths
from train.data.scenes import SceneRenderer, canvas_px
from train.data.smooth_noise import padded_grid
from train.data.textures import LeafCrop

CONFIG = SceneConfig(size_px=48, dead_leaves_count=2)


@pytest.fixture(scope="module")
def renderer() -> SceneRenderer:
    return SceneRenderer([], CONFIG, seed=3)


def still(plan: ScenePlan, *, lights: Lights | None = None) -> ScenePlan:
    """The scene with an ideal camera, and other lights."""
    return plan._replace(exposure=Exposure(), lights=lights)


def in_focus(plan: ScenePlan) -> ScenePlan:
    return plan._replace(sigmas_px=np.zeros_like(plan.sigmas_px))


def test_a_scene_is_a_function_of_its_seed_and_index(renderer: SceneRenderer) -> None:
    first = renderer.render([renderer.plan(1)])
    blurry, sigma_px = first.blurry, first.sigma_px
    again = SceneRenderer([], CONFIG, seed=3)
    again.render([again.plan(0)])
    repeated = again.render([again.plan(1)])
    assert torch.equal(repeated.blurry, blurry)
    assert torch.equal(repeated.sigma_px, sigma_px)
    assert not torch.equal(renderer.render([renderer.plan(2)]).blurry, blurry)


def test_scenes_have_their_ranges(renderer: SceneRenderer) -> None:
    for index in range(6):
        scene = renderer.render([renderer.plan(index)])
        assert scene.blurry.shape == scene.sharp.shape == (1, 3, 48, 48)
        assert scene.sigma_px.shape == (1, 1, 48, 48)
        assert 0 <= float(scene.blurry.min()) <= float(scene.blurry.max()) <= 1
        assert 0 <= float(scene.sigma_px.min()) <= float(scene.sigma_px.max()) <= CONFIG.sigma_max_px * 1.04
        codes = scene.blurry * 255
        torch.testing.assert_close(codes, codes.round(), atol=1e-3, rtol=0)


def test_a_batch_equals_its_scenes_one_by_one(renderer: SceneRenderer) -> None:
    plans = [renderer.plan(index) for index in range(4)]
    assert len({plan.layers for plan in plans}) > 1
    together = renderer.render(plans)
    for row, plan in enumerate(plans):
        alone = renderer.render([plan])
        assert float((together.blurry[row] - alone.blurry[0]).abs().mean()) < 1e-3
        torch.testing.assert_close(together.sharp[row], alone.sharp[0], atol=1.1 / 255, rtol=0)
        torch.testing.assert_close(together.sigma_px[row], alone.sigma_px[0], atol=1e-4, rtol=1e-4)


def test_a_scene_in_focus_is_the_sharp_picture(renderer: SceneRenderer) -> None:
    for index in range(3):
        scene = renderer.render([in_focus(still(renderer.plan(index)))])
        torch.testing.assert_close(scene.blurry, scene.sharp, atol=1.1 / 255, rtol=0)
        assert float(scene.sigma_px.max()) == 0


def test_blur_keeps_the_light(renderer: SceneRenderer) -> None:
    plan = still(renderer.plan(0))
    flat = torch.full_like(renderer.leaves.pictures, 128)
    grey = SceneRenderer([], CONFIG, seed=3)
    grey.leaves.pictures = flat
    leaves = [p for p in plan.pictures if isinstance(p, LeafCrop)]
    assert len(leaves) == len(plan.pictures)
    plan = plan._replace(pictures=tuple(leaf._replace(gain=1.0) for leaf in leaves))
    blurry = grey.render([plan]).blurry
    torch.testing.assert_close(blurry, torch.full_like(blurry, 128 / 255))  # no seam, no edge, no wrap-around


def test_lights_stay_bright_when_blurred(renderer: SceneRenderer) -> None:
    """A spot of 40 times white with the light of 2 pi 0.8^2 px, spread over a disc of 4^2 pi px: 3 times white."""
    spot = Lights(0, np.array([[0.5, 0.5]], np.float32), np.array([0.8], np.float32), np.full((1, 3), 40.0, np.float32))
    plan = still(renderer.plan(0))
    one_layer = plan._replace(
        pictures=plan.pictures[:1],
        sigmas_px=np.array([2.0], np.float32),
        in_front=np.array([False]),
        inverse_depths=np.zeros(1, np.float32),
        outlines=(),
        aperture=ApertureShape("disc"),
    )
    lit = renderer.render([one_layer._replace(lights=spot)])
    white = (lit.blurry.amin(1) == 1.0).sum()
    assert int(white) == pytest.approx(4**2 * np.pi, rel=0.25)
    assert lit.sharp[0, :, 24, 24].tolist() == [1.0, 1.0, 1.0]
    dark = renderer.render([one_layer])
    assert int((dark.blurry.amin(1) == 1.0).sum()) == 0


def half_plane_in_front(plan: ScenePlan, behind_px: float, in_front_px: float) -> ScenePlan:
    """One picture of the scene, its right half a layer in front."""
    outline = Outline(padded_grid(np.zeros((3, 3))), 3, tilt_x=1.0, tilt_y=0.0, cover=0.5, rim_px=0.5)
    return plan._replace(
        pictures=(plan.pictures[0], plan.pictures[0]),
        sigmas_px=np.array([behind_px, in_front_px], np.float32),
        in_front=np.array([False, True]),
        inverse_depths=np.array([0.2, 0.8], np.float32),
        outlines=(outline,),
        aperture=ApertureShape("gaussian"),
    )


def test_occlusion_is_that_of_a_camera(renderer: SceneRenderer) -> None:
    """Black behind, white in front, on the right: a blurred front spreads, a sharp one is not touched."""
    scenes = SceneRenderer([], CONFIG, seed=3)
    black, white = torch.zeros_like(renderer.leaves.pictures[:1]), torch.full_like(renderer.leaves.pictures[:1], 255)
    scenes.leaves.pictures = torch.cat([black, white])
    plan = still(renderer.plan(0))
    leaf = plan.pictures[0]
    assert isinstance(leaf, LeafCrop)
    leaf = leaf._replace(gain=1.0, mirror=False)

    def row(behind_px: float, in_front_px: float) -> tuple[torch.Tensor, torch.Tensor]:
        pair = half_plane_in_front(plan, behind_px, in_front_px)
        pair = pair._replace(pictures=(leaf._replace(picture=0), leaf._replace(picture=1)))
        rendered = scenes.render([pair])
        return rendered.blurry[0, 0, 24], rendered.sigma_px[0, 0, 24]

    blurry, sigma_px = row(0.0, 2.0)
    assert blurry[21] > 0.2  # light of the foreground beyond its edge
    assert blurry[10] == 0.0
    assert sigma_px[5] == 0.0
    assert float(sigma_px[40]) == pytest.approx(2.0, rel=0.02)
    blurry, _ = row(3.0, 0.0)
    assert (blurry[26:] == 1.0).all()
    assert (blurry[:22] == 0.0).all()


def test_sigma_is_linear_in_inverse_depth() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        sigmas_px, in_front, inverse_depths = draw_depths(CONFIG, 5, rng)
        assert (np.diff(inverse_depths) >= 0).all()
        signed = np.where(in_front, sigmas_px, -sigmas_px)
        line = np.polyfit(inverse_depths, signed, 1)
        np.testing.assert_allclose(np.polyval(line, inverse_depths), signed, atol=1e-3)
        assert sigmas_px.max() <= CONFIG.sigma_max_px


def test_shares_choose_what_they_name() -> None:
    always = dataclasses.replace(
        CONFIG,
        sharp_share=1.0,
        disc_share=0.0,
        polygon_share=1.0,
        highlight_share=1.0,
        jpeg_share=1.0,
        own_picture_share=1.0,
    )
    renderer = SceneRenderer([], always, seed=0)
    for plan in (renderer.plan(index) for index in range(6)):
        assert plan.sigmas_px.max() <= 0.5
        assert plan.aperture.kind == "polygon"
        assert plan.lights is not None
        assert 70 <= plan.exposure.jpeg_quality <= 98
        assert len(plan.pictures) == plan.layers


def test_the_canvas_holds_every_blur() -> None:
    assert canvas_px(CONFIG) == 96
    assert canvas_px(dataclasses.replace(CONFIG, sigma_max_px=10.0)) == 128  # 48 + 2 * 40


def test_configurations_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="sum to 1 or less"):
        SceneConfig(disc_share=0.7, polygon_share=0.7)
    with pytest.raises(ValueError, match="jpeg_share must be within"):
        SceneConfig(jpeg_share=1.5)
    with pytest.raises(ValueError, match="jpeg_quality must be"):
        SceneConfig(jpeg_quality=(90, 70))


def test_some_scenes_are_taken_at_night_and_nothing_else_changes(renderer: SceneRenderer) -> None:
    night = SceneRenderer([], dataclasses.replace(CONFIG, night_share=0.5, night_noise_max=0.05), seed=3)
    plans = [(renderer.plan(index), night.plan(index)) for index in range(40)]
    noisy = [after.exposure.noise > CONFIG.noise_max for _, after in plans]
    assert 8 <= sum(noisy) <= 28
    assert max(after.exposure.noise for _, after in plans) <= 0.05
    for (before, after), is_noisy in zip(plans, noisy, strict=True):
        assert np.array_equal(before.sigmas_px, after.sigmas_px)
        assert after.exposure.noise_seed == before.exposure.noise_seed
        assert is_noisy or after.exposure.noise <= CONFIG.noise_max


def test_large_blur_has_its_share_of_the_scenes() -> None:
    config = dataclasses.replace(CONFIG, sigma_max_px=8.0, large_blur_share=0.3, everyday_sigma_px=4.0, sharp_share=0.0)
    rng = np.random.default_rng(0)
    strongest = np.array([draw_depths(config, 3, rng)[0].max() for _ in range(400)])
    assert 0.10 < (strongest > 4.0).mean() < 0.22  # about 0.3 * 4 / 7.5
    assert strongest.max() > 7.0
