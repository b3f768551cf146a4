"""Where and how the networks compute: device, precision, memory format, compilation.

Only the networks' convolutions run in bfloat16. Their outputs come back as float32, and everything made of them
does too: kernels and their variance, sigma, losses, flow, weights, gradients and the moving average.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from runtime.system.errors import ReblurError
from train.config import FitConfig

BODIES = ("unet", "body")
"""Names of the submodule that computes a network's features; a network without one is a body as a whole."""


def pick_device(name: str, local_rank: int = 0) -> torch.device:
    """The device of that name: "auto" is a GPU where there is one.

    Args:
        name: "auto", "cpu" or "cuda".
        local_rank: number of the GPU, where there are several.

    Raises:
        ReblurError: no such name, or no such GPU.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise ReblurError(f"no device {name!r}: choose auto, cpu or cuda")
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise ReblurError("no CUDA device was found: give --device cpu, or install a CUDA build of torch")
    if local_rank >= torch.cuda.device_count():
        raise ReblurError(
            f"process {local_rank} of this machine has no GPU of its own: {torch.cuda.device_count()} found; "
            "start as many processes as there are GPUs"
        )
    device = torch.device("cuda", local_rank)
    torch.cuda.set_device(device)
    torch.backends.cudnn.benchmark = True
    return device


def workers_for(asked: int | None, device: torch.device) -> int:
    """Processes that make pairs: as asked, else this process's share of the cores beside a GPU, and none without one.

    Without a GPU the networks need the cores themselves, and pairs cost a small part of a step.
    """
    if asked is not None:
        return asked
    return max(1, (os.cpu_count() or 1) // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))) if device.type == "cuda" else 0


def prepare(networks: Iterable[nn.Module], fit: FitConfig, device: torch.device, crops: int) -> None:
    """Set the networks up, in place, for computing as ``fit`` says; call it after they were copied for averaging.

    Args:
        networks: in training, on ``device``.
        fit: precision, memory format, compilation.
        device: where they are.
        crops: in a batch of this process; compilation tries the networks on such a batch.
    """
    bodies = [body_of(network) for network in networks]
    for body in bodies:
        if fit.channels_last and device.type == "cuda":
            body.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stub
        if fit.precision == "bfloat16":
            _run_in_bfloat16(body, device.type)
    if fit.compile:
        for body in bodies:
            _compile(body, (crops, _channels_into(body), fit.crop_px, fit.crop_px), device)


def body_of(network: nn.Module) -> nn.Module:
    """The part of a network that computes its features: all of its convolutions but, at most, a few 1x1 ones."""
    for name in BODIES:
        body = getattr(network, name, None)
        if isinstance(body, nn.Module):
            return body
    return network


def _run_in_bfloat16(body: nn.Module, device_type: str) -> None:
    # An attribute of the instance, not a wrapping module: names in the state, and what is saved, stay as they are.
    forward: Callable[..., Tensor] = body.forward

    def forward_in_bfloat16(*inputs: Tensor) -> Tensor:
        with torch.autocast(device_type, torch.bfloat16):
            result = forward(*inputs)
        return result.float()

    body.__dict__["forward"] = forward_in_bfloat16


def _channels_into(body: nn.Module) -> int:
    first = next(module for module in body.modules() if isinstance(module, nn.Conv2d))
    return first.in_channels


def _compile(body: nn.Module, shape: tuple[int, ...], device: torch.device) -> None:
    """Compile and try it, forward and backward: what fails goes on uncompiled, with a warning."""
    body.compile()
    try:
        body(torch.rand(shape, device=device)).sum().backward()
    except Exception as error:  # whatever a compiler, a driver or a missing tool chain comes up with
        body.__dict__["_compiled_call_impl"] = None
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        warn(f"torch.compile cannot be used for {type(body).__name__}, going on without it ({reason})")
    finally:
        for parameter in body.parameters():
            parameter.grad = None


def warn(message: str) -> None:
    """One line to stderr."""
    print(f"warning: {message}", file=sys.stderr)
