"""Presets: functions that return a whole configuration."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from runtime.system.errors import ReblurError
from train.config import FitConfig, LossConfig, MisalignConfig, RunConfig, SceneConfig
from train.networks.config import NetworksConfig
from train.networks.fade import FadeConfig
from train.networks.paper_unet import PaperUNetConfig
from train.networks.reblur import PAPER_RADII
from train.networks.restormer import RestormerConfig
from train.networks.seeds import SeedConfig
from train.networks.unet import UNetConfig


def decoupled() -> LossConfig:
    """The losses of what ships: one for the deblurring network, one for the map."""
    return LossConfig(
        decoupled=True,
        resampling="fourier",
        masks=False,
        reblur=0.0,
        low_logits=0.05,
        triplet_share=0.0,
        sharp_share=0.375,
    )


def mobile() -> RunConfig:
    """The networks that ship: 11.1 GMAC (deblur) and 2.9 GMAC (defocus) per megapixel."""
    return RunConfig(
        preset="mobile",
        networks=NetworksConfig(
            sigma_max_px=8.0,
            deblur=UNetConfig(widths=(16, 48, 96), encoder_blocks=(1, 1), middle_blocks=3, decoder_blocks=(1, 2)),
            defocus=UNetConfig(
                widths=(8, 24, 48, 96), encoder_blocks=(0, 0, 1), middle_blocks=3, decoder_blocks=(1, 1, 1)
            ),
            reblur=UNetConfig(widths=(16, 32, 48), encoder_blocks=(1, 1), middle_blocks=2, decoder_blocks=(1, 1)),
            kernel_radii=(1, 2, 3, 5, 8, 12, 17),
            fade=FadeConfig(start_px=0.35, full_px=0.85, window_cells=13),
        ),
        scenes=SceneConfig(
            sigma_max_px=8.0, large_blur_share=0.35, night_share=0.25, grey_share=0.06, regular_share=0.4
        ),
        misalign=MisalignConfig(),
        loss=decoupled(),
        fit=FitConfig(
            steps=120_000,
            stage_one_share=0.05,
            stage_three_from=0.05,
            prior_ramp_from=1.0,
            pool_size=600,
            refresh_every=12,
            learning_rate=5e-4,
            warmup_steps=300,
            precision="bfloat16",
            evaluate_every=3000,
        ),
    )


def teacher() -> RunConfig:
    """To distil ``mobile`` from: trained as it is, 65.3 GMAC (deblur) and 5.7 GMAC (defocus) per megapixel."""
    student = mobile()
    networks = dataclasses.replace(
        student.networks,
        deblur=UNetConfig(
            widths=(32, 96, 192, 256), encoder_blocks=(1, 2, 2), middle_blocks=4, decoder_blocks=(1, 2, 2)
        ),
        defocus=UNetConfig(
            widths=(16, 32, 64, 128), encoder_blocks=(0, 1, 1), middle_blocks=2, decoder_blocks=(1, 1, 1)
        ),
    )
    return dataclasses.replace(student, preset="teacher", networks=networks)


def _paper(name: str, deblur: PaperUNetConfig | RestormerConfig) -> RunConfig:
    """The paper's networks, losses and schedule: 35 kernel seeds, kernels found by reblurring the restored image.

    The paper's learning rates (1e-5 to 2e-5) are for a deblurring network trained before. Here both start from
    scratch, so the rate is 1e-4; go down to 2e-5 where you start from weights. Steps are 170 epochs of the 350
    pairs of DPDD, one 256 x 256 crop each. Blur stays below 3.5 px, the sigma of a uniform disc of width 15: wider
    blur is beyond the paper's kernels.
    """
    return RunConfig(
        preset=name,
        networks=NetworksConfig(
            deblur=deblur,
            defocus=SeedConfig(),
            reblur=UNetConfig(widths=(32, 64, 96), encoder_blocks=(1, 1), middle_blocks=2, decoder_blocks=(1, 1)),
            kernel_radii=PAPER_RADII,
        ),
        scenes=SceneConfig(size_px=304, sigma_max_px=3.5),
        misalign=MisalignConfig(),
        loss=LossConfig(
            deform="two_way",
            alignment="flow",
            reblur_source="restored",
            triplet_share=0.0,
            sharp_share=0.0,
        ),
        fit=FitConfig(
            steps=60_000,
            batch_size=1,
            crop_px=256,
            pool_size=240,
            refresh_every=8,
            learning_rate=1e-4,
            warmup_steps=500,
            evaluate_every=3000,
        ),
    )


def paper_unet() -> RunConfig:
    """The paper's method on its U-Net (31 M parameters); from scratch, with everything that brings."""
    return _paper("paper_unet", PaperUNetConfig())


def paper_restormer() -> RunConfig:
    """The paper's method on Restormer at its published size (26 M parameters)."""
    return _paper("paper_restormer", RestormerConfig())


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
        scenes=SceneConfig(
            size_px=96,
            layers=(2, 3),
            sigma_max_px=4.0,
            sharp_share=0.1,
            own_picture_share=0.0,
            highlight_share=0.0,
            jpeg_share=0.0,
            dead_leaves_count=24,
        ),
        misalign=MisalignConfig(shift_px=2.0),
        loss=LossConfig(),
        fit=FitConfig(
            steps=2000,
            stage_one_share=0.15,
            stage_three_from=0.3,
            prior_ramp_from=1.0,
            crop_px=64,
            pool_size=120,
            refresh_every=4,
            learning_rate=1.5e-3,
            warmup_steps=20,
            ema_decay=0.98,
            log_every=20,
            evaluate_every=1000,
            held_out_scenes=12,
        ),
    )


def ablation() -> RunConfig:
    """Small networks and crops, for the runs of ``train.ablate``: minutes each on one core."""
    return RunConfig(
        preset="ablation",
        networks=NetworksConfig(
            deblur=UNetConfig(widths=(16, 32, 64), encoder_blocks=(1, 1), middle_blocks=2, decoder_blocks=(1, 1)),
            defocus=UNetConfig(widths=(8, 16, 32), encoder_blocks=(0, 1), middle_blocks=2, decoder_blocks=(1, 1)),
            reblur=UNetConfig(widths=(16, 24, 32), encoder_blocks=(1, 1), middle_blocks=2, decoder_blocks=(1, 1)),
            kernel_radii=(1, 2, 3, 4, 6, 8, 10),
            # Of the limits tried, the best on scenes of the photographs that it trains on; see train/README.md.
            fade=FadeConfig(start_px=0.15, full_px=0.45, window_cells=13),
        ),
        scenes=SceneConfig(size_px=144, sigma_max_px=4.5, jpeg_share=0.0, highlight_share=0.1),
        misalign=MisalignConfig(),
        loss=dataclasses.replace(decoupled(), low_logits=0.0),  # so short a run does not run away
        fit=FitConfig(
            steps=1000,
            stage_one_share=0.3,
            stage_three_from=0.5,
            prior_ramp_from=1.0,
            crop_px=80,
            pool_size=320,
            pool_refresh=0,
            learning_rate=1.5e-3,
            ema_decay=0.99,
        ),
    )


PRESETS: dict[str, Callable[[], RunConfig]] = {
    "mobile": mobile,
    "teacher": teacher,
    "paper_unet": paper_unet,
    "paper_restormer": paper_restormer,
    "ablation": ablation,
    "smoke": smoke,
}


def preset(name: str) -> RunConfig:
    """The preset of that name.

    Raises:
        ReblurError: no such preset.
    """
    if name not in PRESETS:
        raise ReblurError(f"no preset {name!r}: choose one of {', '.join(sorted(PRESETS))}")
    return PRESETS[name]()
