"""From a configuration to networks: which class stands for which kind."""

from __future__ import annotations

from train.networks.config import NetworksConfig
from train.networks.deblur import DeblurNet
from train.networks.defocus import DefocusNet
from train.networks.fusion import FusionDeblurNet
from train.networks.paper_unet import PaperUNet, PaperUNetConfig
from train.networks.reblur import ReblurNet
from train.networks.restormer import Restormer, RestormerConfig
from train.networks.seeds import SeedConfig, SeedNet
from train.networks.unet import UNetConfig

Deblurrer = DeblurNet | FusionDeblurNet
"""(image (B, 3, H, W), blur map (B, K, H, W)) -> (B, 3, H, W)."""
Estimator = DefocusNet | SeedNet
"""image (B, 3, H, W) -> blur map (B, K, H, W)."""


def build_deblur(config: NetworksConfig) -> Deblurrer:
    """A freshly initialised deblurring network; seed torch before."""
    deblur = config.deblur
    if isinstance(deblur, UNetConfig):
        return DeblurNet(deblur, config.sigma_max_px, config.fade)
    scale = 1.0 / config.sigma_max_px if config.blur_map == "sigma" else 1.0
    return FusionDeblurNet(_body(3 + config.blur_channels, deblur), config.blur_channels, scale)


def _body(in_channels: int, config: PaperUNetConfig | RestormerConfig) -> PaperUNet | Restormer:
    if isinstance(config, RestormerConfig):
        return Restormer(in_channels, 3, config)
    return PaperUNet(in_channels, 3, config)


def build_defocus(config: NetworksConfig) -> Estimator:
    """A freshly initialised estimator of the blur map; seed torch before."""
    if isinstance(config.defocus, SeedConfig):
        return SeedNet(config.defocus, config.blur_channels)
    return DefocusNet(config.defocus, config.sigma_max_px)


def build_reblur(config: NetworksConfig) -> ReblurNet:
    """A freshly initialised reblurring module; seed torch before."""
    return ReblurNet(config.reblur, config.kernel_radii)
