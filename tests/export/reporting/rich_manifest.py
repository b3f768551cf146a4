"""A made-up manifest as rich as a full export's, for tests of the report: every recipe, matrix, lint and controls."""

from __future__ import annotations

import dataclasses

import numpy as np

from export.analysis.rules import RULES
from export.formats.table import support_of
from export.graphs.preprocessing import CONVENTIONS, RESIZE, TILING
from export.recipes.recipe import RECIPES, Recipe, pipelines
from export.recipes.targets import ALL_GRAPHS, PRECISIONS, TARGETS
from export.verification.cross_runtime import matrix
from export.verification.gates import HIGHER_IS_BETTER, PIPELINE, gate_rules
from runtime.manifest.check_records import DelegateCoverage, GateRule, LintFinding, NegativeControl, ParityFigure
from runtime.manifest.manifest import SCHEMA_MINOR, SCHEMA_VERSION, Manifest
from runtime.manifest.records import (
    Artifact,
    ArtifactFile,
    ArtifactTensor,
    Checkpoint,
    Graph,
    Pipeline,
    Size,
    TensorMeaning,
)

SIZES = (Size(height_px=512, width_px=512), Size(height_px=256, width_px=384))
CASES = ("astronaut", "synthetic", "noise")
NOISE_LEVEL = {"fp32": 1e-6, "fp16": 5e-4, "w8": 8e-4, "p6": 2e-3, "int8": 4e-3, "w8a8": 6e-3}
PARTS = {
    "image": TensorMeaning(
        name="image", channels=3, channel_order="RGB", color_space="sRGB", unit=None, range=(0.0, 1.0), meaning="photo"
    ),
    "sigma_px": TensorMeaning(
        name="sigma_px", channels=1, channel_order=None, color_space=None, unit="px", range=(0.0, 6.0), meaning="blur"
    ),
}
GRAPHS = {
    name: Graph(
        summary=name,
        halo_px=32,
        smallest_tile_px=16,
        inputs=(PARTS["image"],),
        outputs=(PARTS["sigma_px" if name == "defocus" else "image"],),
    )
    for name in ALL_GRAPHS
}


def rich_manifest() -> Manifest:
    """One file fails, one was not run, one control was not noticed; figures are drawn at random, the same each time."""
    generator = np.random.default_rng(0)
    recipes = [(recipe, size) for recipe in RECIPES for size in SIZES if size is SIZES[0] or recipe.target == "coreml"]
    artifacts = [artifact_of(recipe, size, generator) for recipe, size in recipes]
    artifacts[3] = dataclasses.replace(artifacts[3], status="failed", reason="psnr_db is 31 on <noise>, its gate is 55")
    artifacts[-1] = dataclasses.replace(
        artifacts[-1], status="not run", reason="the converter is not installed", parity=(), files=(), coverage=()
    )
    return Manifest(
        schema_version=SCHEMA_VERSION,
        schema_minor=SCHEMA_MINOR,
        reblur_version="0.1.0",
        created="2026-01-01T00:00:00+00:00",
        license="Apache-2.0",
        checkpoint=Checkpoint(name="reblur.safetensors", sha256="0" * 64),
        sizes=SIZES,
        sigma_max_px=6.0,
        resize=RESIZE,
        tiling=TILING,
        conventions=CONVENTIONS,
        graphs=GRAPHS,
        artifacts=tuple(artifacts),
        pipelines=tuple(pipeline_of(*row, generator) for row in pipelines(RECIPES)),
        golden=(),
        tools={"torch": "2.13.0", "numpy": "2.4.6"},
        matrix=tuple(cell for graph in GRAPHS for cell in matrix(answers(graph, artifacts, generator), graph)),
        controls=CONTROLS,
    )


def artifact_of(recipe: Recipe, size: Size, generator: np.random.Generator) -> Artifact:
    """An artefact that passed, with figures somewhere within its gates."""
    target = TARGETS[recipe.target]
    named = "" if size is SIZES[0] else f"-{size.height_px}x{size.width_px}"
    shape = (1, 3, size.height_px, size.width_px)
    tensor = ArtifactTensor(name="image", dtype=target.dtype, layout="NCHW", shape=shape)
    output = GRAPHS[recipe.graph].outputs[0]
    gates = gate_rules(recipe.graph, recipe.precision)
    runtimes = [runtime.name for runtime in support_of(recipe.target).runtimes]
    path = f"{recipe.stem}{named}{target.suffix}"
    return Artifact(
        id=f"{recipe.id}{named}",
        graph=recipe.graph,
        format=target.format,
        precision=recipe.precision,
        path=path,
        files=(ArtifactFile(path=path, bytes=int(generator.integers(20_000, 2_000_000)), sha256="0" * 64),),
        inputs=(tensor,),
        outputs=(dataclasses.replace(tensor, name=output.name, shape=(1, output.channels, *shape[2:])),),
        tool={"tool": "1.0"},
        status="passed",
        reason="",
        parity=tuple(f for rule in gates for runtime in runtimes for f in figures_of(rule, runtime, generator)),
        gates=gates,
        coverage=coverage_of(recipe),
        lint=lint_of(recipe),
        delegate=target.delegate,
        variant=recipe.variant,
        experimental=PRECISIONS[recipe.precision].experimental,
    )


def figures_of(rule: GateRule, runtime: str, generator: np.random.Generator) -> list[ParityFigure]:
    """A figure for each case that the gate is asked of."""
    found = []
    for case in (rule.case,) if rule.case else CASES:
        share = float(generator.uniform(0.05, 0.5))
        higher = rule.metric in HIGHER_IS_BETTER
        value = rule.threshold * (1.0 + share) if higher else rule.threshold * share
        margin = value - rule.threshold if higher else rule.threshold - value
        found.append(
            ParityFigure(
                case=case,
                metric=rule.metric,
                value=value,
                threshold=rule.threshold,
                passed=True,
                margin=margin,
                runtime=runtime,
            )
        )
    return found


def coverage_of(recipe: Recipe) -> tuple[DelegateCoverage, ...]:
    """One measured part; for Core ML one predicted part with an operator outside."""
    predicted = recipe.target == "coreml"
    return (
        DelegateCoverage(
            delegate="Neural Engine" if predicted else "XNNPACK",
            method="predicted" if predicted else "measured",
            subgraphs=1,
            inside={"conv": 17, "relu": 12, "add": 9},
            outside={"gather": 1} if predicted else {},
            multiplications_inside=3_000_000,
            multiplications_outside=1_000_000 if predicted else 0,
        ),
    )


def lint_of(recipe: Recipe) -> tuple[LintFinding, ...]:
    """Some rules of the processors that the target's files run on."""
    units = {"coreml": ("Neural Engine",), "tflite": ("GPU delegate", "NNAPI")}.get(recipe.target, ())
    return tuple(
        LintFinding(
            rule=rule.name,
            unit=rule.unit,
            effect=rule.effect,
            count=3,
            operators=("conv", "exp"),
            why=rule.why,
            source=rule.source,
        )
        for rule in RULES
        if rule.unit in units
    )


def answers(graph: str, artifacts: list[Artifact], generator: np.random.Generator) -> dict:
    """What the files of a graph answer, in the way of ``cross_runtime``: one truth and noise of their precision."""
    truth = generator.random((1, 3, 16, 16), np.float32)

    def answer(precision: str) -> np.ndarray:
        return (truth + NOISE_LEVEL[precision] * generator.standard_normal(truth.shape)).astype(np.float32)

    return {
        artifact.id: {f.runtime: {case: answer(artifact.precision) for case in CASES[:2]} for f in artifact.parity}
        for artifact in artifacts
        if artifact.graph == graph and artifact.inputs[0].shape[2] == SIZES[0].height_px
    }


def pipeline_of(target: str, precision: str, chosen: dict[str, Recipe], generator: np.random.Generator) -> Pipeline:
    gates = gate_rules(PIPELINE, precision)
    return Pipeline(
        backend=TARGETS[target].format,
        delegate=TARGETS[target].delegate,
        precision=precision,
        height_px=SIZES[0].height_px,
        width_px=SIZES[0].width_px,
        parity=tuple(f for rule in gates for f in figures_of(rule, "", generator)),
        gates=gates,
        defocus=chosen["defocus"].id,
        deblur=chosen["deblur"].id,
        refocus=chosen["refocus"].id,
    )


CONTROLS = (
    NegativeControl(
        name="identity",
        description="The residual is zero: the file returns its input.",
        artifact="deblur-tflite-fp32",
        caught=True,
        by="residual_snr_db, synthetic",
        value=0.0,
        threshold=60.0,
    ),
    NegativeControl(
        name="corrupted weights",
        description="One weight tensor is filled with noise.",
        artifact="deblur-coreml-fp16",
        caught=True,
        by="the file cannot be loaded",
        value=None,
        threshold=None,
    ),
    NegativeControl(
        name="sigma x 1.1",
        description="The map is scaled by 1.1.",
        artifact="defocus-tflite-int8",
        caught=False,
        by="",
        value=None,
        threshold=None,
    ),
)
