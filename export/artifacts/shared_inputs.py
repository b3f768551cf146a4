"""What all artefacts of one size share: graphs, check cases, representative inputs, golden vectors. Made once.

A folder holds one *bundle* for each graph, which is all that a worker needs, so that none of them computes the float
reference again:

    facts.json      what the manifest says about the networks
    golden/         vectors for applications
    <graph>.bundle  see ``GraphBundle``
    pipeline.npz    what the float networks make of photographs, see ``export.verification.end_to_end``
"""

from __future__ import annotations

import pickle
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from export.artifacts.int8_inputs import Int8Inputs, prepare_int8
from export.artifacts.sizes import smallest_tile_px
from export.data.calibration import Samples
from export.data.golden_cases import Case, make_cases
from export.data.golden_files import save_cases
from export.execution.cache import RECORD, read_record, write_record
from export.graphs.specs import GraphSpec, build_graphs
from export.recipes.targets import ALL_GRAPHS, NETWORKS, PIPELINE_GRAPHS
from export.verification.achievable import with_achieved
from export.verification.end_to_end import PipelineReference, load_reference, make_reference, save_reference
from export.verification.float_model import judge_float_model
from export.verification.gates import tolerances
from export.verification.golden_chain import save_golden_chain
from runtime.manifest.check_records import FloatModel
from runtime.manifest.golden_records import GoldenCase, GoldenChain
from runtime.manifest.json_codec import from_json, to_json
from runtime.manifest.records import Graph, Int8Source, Size
from runtime.system.errors import ReblurError
from train.checkpoint import load_deployable
from train.quantization.settings import Int8Settings

REFERENCE_FILE = "pipeline.npz"


@dataclass(frozen=True, kw_only=True)
class GraphBundle:
    """Everything to make and check the artefacts of one graph at one size."""

    spec: GraphSpec
    """With the float weights."""
    int8_spec: GraphSpec
    """With the weights to quantise."""
    samples: Samples
    """Representative inputs; none where nothing is quantised."""
    settings: Mapping[str, Int8Settings]
    """Format -> how its int8 file is quantised."""
    cases: tuple[Case, ...]
    """With the answers of the float weights, whatever weights an artefact is made of."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the manifest says about the networks at one size."""

    sigma_max_px: float
    graphs: dict[str, Graph]
    golden: tuple[GoldenCase, ...]
    int8: Int8Source
    float_model: FloatModel
    golden_chain: GoldenChain | None = None


def make_shared_inputs(
    folder: Path, checkpoint: Path, size: Size, is_first: bool, graphs: Collection[str] = ALL_GRAPHS
) -> None:
    """Compute everything for one size and write it into ``folder``.

    Args:
        folder: there already, and empty.
        checkpoint: the float one.
        size: of the graphs' tensors.
        is_first: whether golden vectors have no size in their names; those of several sizes share a folder.
        graphs: those that are wanted; the networks are judged in any case.

    Raises:
        ReblurError: the checkpoint cannot be read, its networks are ruined, or a file cannot be written.
    """
    networks = load_deployable(checkpoint)
    specs = build_graphs(networks)
    answered = make_cases(specs, size.height_px, size.width_px, graphs)
    cases = [with_achieved(case, specs[case.graph]) for case in answered]
    float_model = judge_float_model(cases)
    golden = save_cases(cases, folder, tolerances, first_size=is_first)
    int8 = prepare_int8(checkpoint, networks, specs, size.height_px, size.width_px)
    for name, spec in specs.items():
        if name not in (*NETWORKS, *graphs):
            continue
        bundle = _bundle(spec, int8, [case for case in cases if case.graph == name])
        (folder / f"{name}.bundle").write_bytes(pickle.dumps(bundle))
    chain = None
    if set(PIPELINE_GRAPHS) <= {*NETWORKS, *graphs}:
        reference = make_reference(specs, size.height_px, size.width_px)
        save_reference(reference, folder / REFERENCE_FILE)
        chain = save_golden_chain(reference, specs, folder) if is_first else None
    assert int8.source is not None
    facts = Facts(
        sigma_max_px=networks.config.sigma_max_px,
        graphs={name: describe_graph(spec) for name, spec in specs.items()},
        golden=golden,
        int8=int8.source,
        float_model=float_model,
        golden_chain=chain,
    )
    write_record(folder, to_json(facts))


def load_facts(folder: Path) -> Facts:
    """What ``make_shared_inputs`` noted.

    Raises:
        ReblurError: the folder is damaged.
    """
    record = read_record(folder)
    if record is None:
        raise ReblurError(f"{folder / RECORD} cannot be read: run again with --force")
    return from_json(Facts, record, RECORD)


def load_pipeline_reference(folder: Path) -> PipelineReference:
    """What the float networks make of photographs at the folder's size."""
    return load_reference(folder / REFERENCE_FILE)


def load_bundle(folder: Path, graph: str) -> GraphBundle:
    """The bundle of one graph, which ``make_shared_inputs`` wrote for this very version of the code."""
    bundle = pickle.loads((folder / f"{graph}.bundle").read_bytes())
    assert isinstance(bundle, GraphBundle)
    return bundle


def describe_graph(spec: GraphSpec) -> Graph:
    """A graph as the manifest has it."""
    return Graph(
        summary=spec.summary,
        halo_px=spec.halo_px,
        smallest_tile_px=smallest_tile_px(spec.halo_px),
        inputs=spec.inputs,
        outputs=spec.outputs,
    )


def _bundle(spec: GraphSpec, int8: Int8Inputs, cases: list[Case]) -> GraphBundle:
    int8_specs: Mapping[str, GraphSpec] = int8.specs
    return GraphBundle(
        spec=spec,
        int8_spec=int8_specs[spec.name],
        samples=int8.samples.get(spec.name, ()),
        settings={name: graphs[spec.name] for name, graphs in int8.settings.items() if spec.name in graphs},
        cases=tuple(cases),
    )
