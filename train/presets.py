"""Presets: functions that return a whole configuration."""

from __future__ import annotations

from collections.abc import Callable

from train.config import FitConfig, LossConfig, MisalignConfig, NetworksConfig, RunConfig, SceneConfig
from train.networks.unet import UNetConfig


def mobile() -> RunConfig:
    """The networks that ship: 11.1 GMAC (deblur) and 1.4 GMAC (defocus) per megapixel."""
    return RunConfig(
        preset="mobile",
        networks=NetworksConfig(
            deblur=UNetConfig(widths=(16, 48, 96), encoder_blocks=(1, 1), middle_blocks=3, decoder_blocks=(1, 2)),
            defocus=UNetConfig(
                widths=(8, 16, 32, 64), encoder_blocks=(0, 0, 1), middle_blocks=2, decoder_blocks=(1, 1, 1)
            ),
            reblur=UNetConfig(widths=(16, 32, 48), encoder_blocks=(1, 1), middle_blocks=2, decoder_blocks=(1, 1)),
            kernel_radii=(1, 2, 3, 5, 7, 9, 12),
        ),
        scenes=SceneConfig(),
        misalign=MisalignConfig(),
        loss=LossConfig(),
        fit=FitConfig(steps=12000),
    )


def smoke() -> RunConfig:
    """A minute on two cores: small networks and small blurs, every part of the method."""
    return RunConfig(
        preset="smoke",
        networks=NetworksConfig(
            deblur=UNetConfig(widths=(8, 16), encoder_blocks=(1,), middle_blocks=2, decoder_blocks=(1,)),
            defocus=UNetConfig(widths=(8, 16, 16), encoder_blocks=(0, 1), middle_blocks=1, decoder_blocks=(1, 1)),
            reblur=UNetConfig(widths=(8, 16), encoder_blocks=(1,), middle_blocks=1, decoder_blocks=(1,)),
            kernel_radii=(1, 2, 3, 5, 7),
        ),
        scenes=SceneConfig(size_px=96, sigma_max_px=4.0, sharp_share=0.1),
        misalign=MisalignConfig(shift_px=2.0),
        loss=LossConfig(),
        fit=FitConfig(
            steps=900,
            stage_one_share=0.6,
            crop_px=64,
            pool_size=120,
            learning_rate=1.5e-3,
            warmup_steps=20,
            ema_decay=0.98,
            log_every=20,
            evaluate_every=300,
            held_out_scenes=12,
        ),
    )


PRESETS: dict[str, Callable[[], RunConfig]] = {"mobile": mobile, "smoke": smoke}


def preset(name: str) -> RunConfig:
    """The preset of that name.

    Raises:
        ValueError: no such preset.
    """
    if name not in PRESETS:
        raise ValueError(f"no preset {name!r}: choose one of {', '.join(sorted(PRESETS))}")
    return PRESETS[name]()
