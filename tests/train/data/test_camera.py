import pytest
import torch

from train.data.camera import Exposure, expose
from train.data.srgb import linear_of, round_to_8_bit


def grey(code: float, side: int = 64) -> torch.Tensor:
    return linear_of(torch.full((1, 3, side, side), code))


def test_an_ideal_camera_only_rounds_and_clips() -> None:
    light = torch.tensor([0.0, 0.2159, 1.0, 7.0]).view(1, 1, 2, 2).expand(1, 3, 2, 2)
    shown = expose(light, [Exposure()])[0, 0].flatten()
    torch.testing.assert_close(shown, torch.tensor([0.0, 128 / 255, 1.0, 1.0]))


def test_noise_is_as_strong_as_asked_at_middle_grey() -> None:
    shown = expose(grey(0.5), [Exposure(noise=0.03, read_share=0.01, noise_seed=3)])
    assert float(shown.std()) == pytest.approx(0.03, rel=0.05)
    assert float(shown.mean()) == pytest.approx(0.5, abs=0.003)


def test_photon_noise_grows_with_the_square_root_of_light() -> None:
    """In sRGB the curve's slope falls faster: brighter greys look less noisy than darker ones."""
    exposure = [Exposure(noise=0.02, noise_seed=1)]
    dark, bright = (linear_of(expose(grey(code), exposure)).std() for code in (0.5, 0.9))
    expected = (linear_of(torch.tensor(0.9)) / linear_of(torch.tensor(0.5))).sqrt()
    assert float(bright / dark) == pytest.approx(float(expected), rel=0.08)


def test_noise_is_a_function_of_its_seed_alone() -> None:
    light = torch.cat([grey(0.5, 16), grey(0.5, 16)])
    first, second = Exposure(noise=0.02, noise_seed=1), Exposure(noise=0.02, noise_seed=2)
    together = expose(light, [first, second])
    torch.testing.assert_close(together[1:], expose(light[1:], [second]))
    assert not torch.equal(together[0], together[1])


def test_jpeg_touches_only_the_pictures_that_ask_for_it() -> None:
    light = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    plain = expose(light, [Exposure(), Exposure()])
    one = expose(light, [Exposure(), Exposure(jpeg_quality=80)])
    torch.testing.assert_close(one[0], plain[0])
    assert not torch.equal(one[1], plain[1])
    torch.testing.assert_close(one, round_to_8_bit(one))


def test_a_picture_without_colour_has_noise_without_colour() -> None:
    shown = expose(grey(0.5), [Exposure(noise=0.05, noise_seed=1, jpeg_quality=80, grey=True)])
    assert torch.equal(shown[:, :1].expand_as(shown), shown)
    assert float(shown.std()) > 0.02
