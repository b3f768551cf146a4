"""One Core ML package for several sizes: a function for each, and every weight stored once.

Such packages need iOS 18; those of one function run on iOS 17. An application names the function when it loads the
model (``MLModelConfiguration.functionName``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from export.formats.mlpackage.package_files import check_path, placing
from export.formats.mlpackage.write import AUTHOR, LICENSE
from export.interpreters.mil.package import read_model, root_model_path
from export.interpreters.mil.quiet import quiet, quiet_warnings
from runtime.system.errors import ReblurError, first_line

PALETTE = "constexpr_lut_to_dense"
"""The operator of a palette, of which iOS 18 has a form of its own that coremltools 9 cannot turn the older into."""
WEIGHTS = "weights"
"""Folder of a package's large constants."""


def function_name(height: int, width: int) -> str:
    """Name of the function for tensors of this size in pixels; Core ML takes letters, digits and underscores."""
    return f"size_{height}x{width}"


def write_multifunction(packages: Mapping[str, Path], path: Path, default: str, *, description: str = "") -> None:
    """Join packages of one function each; what is at ``path`` already is replaced only at the end.

    Args:
        packages: function name -> the package, as ``export.formats.mlpackage.write.write_mlpackage`` made it.
        path: the joint package folder, ending in ``.mlpackage``.
        default: the function that runs when none is named.
        description: one sentence on what the model does.

    Raises:
        ReblurError: an argument does not fit, or coremltools cannot join the packages.
        OSError: the folder cannot be written.
    """
    check_path(path)
    _check(packages, default)
    with quiet_warnings():
        import coremltools as ct

    with placing(path) as scratch, quiet():
        try:
            joint = ct.utils.MultiFunctionDescriptor()
            for name, package in packages.items():
                source = package if _has_weights(package) else _with_weights_folder(package, scratch / name)
                joint.add_function(str(source), src_function_name="main", target_function_name=name)
            joint.default_function_name = default
            ct.utils.save_multifunction(joint, str(scratch / f"plain-{path.name}"))
            model = ct.models.MLModel(str(scratch / f"plain-{path.name}"), skip_model_load=True)
        except OSError:
            raise
        except Exception as error:
            reason = first_line(error)
            if PALETTE in reason:
                reason += " (iOS 17's palettes and iOS 18's are stored differently, so p6 cannot be joined)"
            raise ReblurError(f"coremltools cannot make {path.name}: {type(error).__name__}: {reason}") from error
        sentence = description or f"Reblur {path.stem}: one function for each of {', '.join(packages)}"
        model.short_description, model.author, model.license = sentence, AUTHOR, LICENSE
        model.save(str(scratch / path.name))


def _check(packages: Mapping[str, Path], default: str) -> None:
    if default not in packages:
        raise ReblurError(f"default function '{default}' is not one of {', '.join(packages) or 'none'}")
    for name, package in packages.items():
        if not name.isidentifier():
            raise ReblurError(f"function name '{name}' should be letters, digits and underscores")
        if not (package / "Manifest.json").is_file():
            raise ReblurError(f"not a Core ML package folder: {package}")


def _has_weights(package: Path) -> bool:
    return (root_model_path(package).parent / WEIGHTS).is_dir()


def _with_weights_folder(package: Path, scratch: Path) -> Path:
    """A copy with an empty folder of weights, without which coremltools joins nothing."""
    import coremltools as ct

    weights, copy = scratch / WEIGHTS, scratch / package.name
    weights.mkdir(parents=True)
    spec = read_model(root_model_path(package))
    ct.models.MLModel(spec, weights_dir=str(weights), skip_model_load=True).save(str(copy))
    return copy
