"""Fine-tune the deployable networks for int8.

    python -m train.qat [--checkpoint FILE] [--photos DIR] [--steps N] [--out FILE] [--threads N]

Both networks learn, with eight-bit rounding simulated, to answer as they do in float: they are their own teachers,
so nothing but pictures is needed, synthetic scenes of the photographs or procedural ones. The result holds float
weights of the same networks and lies beside the checkpoint (mobile_int8.safetensors for mobile.safetensors); there
`export.all` finds it and makes the int8 files of it. Train the float checkpoint again, and this has to run again.

Exit code: 0 done, 2 wrong use, 130 interrupted; the file is written whole, at the end, or not at all.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from runtime.system.errors import ReblurError
from runtime.system.files import sha256_of
from train.checkpoint import Deployable, build_deployable, load_deployable
from train.data.photos import load_photo_bytes
from train.quantization.crops import render_pictures
from train.quantization.fake_quant import FLOAT_FIRST_CONVS
from train.quantization.fine_tune import FineTuned, QatConfig, fine_tune_networks
from train.quantization.weights import int8_path, save_int8
from train.weights import SHIPPED

DEFAULTS = QatConfig(
    learning_rates={"defocus": 3e-4, "deblur": 2e-4},
    charbonnier_eps={"defocus": 0.05, "deblur": 0.005},
    float_first_convs=FLOAT_FIRST_CONVS,
)
UNITS = {"defocus": "px", "deblur": "sRGB"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    arguments = parse(argv)
    try:
        results = run(arguments)
    except KeyboardInterrupt:
        print("interrupted: nothing was written", file=sys.stderr)
        return 130
    except ReblurError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for name, result in results.items():
        print(f"{name}: int8 error {result.before:.4f} -> {result.after:.4f} {UNITS[name]} (RMS against float)")
    print(f"written to {arguments.out or int8_path(arguments.checkpoint)}")
    return 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(prog="python -m train.qat", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, default=SHIPPED, metavar="FILE", help="default: the shipped one")
    parser.add_argument("--photos", type=Path, metavar="DIR", help="sharp photographs (default: procedural pictures)")
    parser.add_argument("--steps", type=int, default=DEFAULTS.steps, help="of each network (default: %(default)s)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: <checkpoint>_int8.safetensors beside it")
    parser.add_argument("--threads", type=int, help="CPU threads of torch (default: its own choice)")
    return parser.parse_args(argv)


def run(arguments: argparse.Namespace) -> dict[str, FineTuned]:
    """Fine-tune and write the result; returns what came out for each network.

    Raises:
        ReblurError: an argument is wrong, or a file cannot be read or written.
    """
    if arguments.threads is not None:
        if arguments.threads < 1:
            raise ReblurError(f"--threads must be at least 1, got {arguments.threads}")
        torch.set_num_threads(arguments.threads)
    if arguments.steps < 1:
        raise ReblurError(f"--steps must be at least 1, got {arguments.steps}")
    config = dataclasses.replace(DEFAULTS, steps=arguments.steps)
    out = arguments.out or int8_path(arguments.checkpoint)
    if not out.parent.is_dir():
        raise ReblurError(f"no folder {out.parent} to write {out.name} to: make it first")
    networks = load_deployable(arguments.checkpoint)
    made_from = sha256_of(arguments.checkpoint)
    photos = load_photo_bytes(arguments.photos) if arguments.photos else []
    pictures = render_pictures(photos, config.scenes, config.scene_px)
    results = fine_tune_networks(networks, pictures, config)
    save_int8(with_weights(networks, results), out, made_from)
    return results


def with_weights(networks: Deployable, results: dict[str, FineTuned]) -> Deployable:
    """Networks of the same configuration with the fine-tuned weights."""
    tuned = build_deployable(networks.config)
    tuned.defocus.load_state_dict(results["defocus"].weights, strict=True)
    tuned.deblur.load_state_dict(results["deblur"].weights, strict=True)
    return tuned


if __name__ == "__main__":
    sys.exit(main())
