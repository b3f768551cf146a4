from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from export.graphs.specs import GraphSpec
from export.verification.end_to_end import (
    STRIDE_PX,
    PipelineReference,
    check_pipeline_parity,
    float_graph,
    load_reference,
    make_reference,
    pipeline_gate_rules,
    save_reference,
)
from runtime.refocusing.pipeline import GRAPHS
from runtime.refocusing.tiling import TiledGraph

HEIGHT_PX, WIDTH_PX = 64, 112


@pytest.fixture(scope="module")
def reference(small_specs: dict[str, GraphSpec]) -> PipelineReference:
    return make_reference(small_specs, HEIGHT_PX, WIDTH_PX)


@pytest.fixture(scope="module")
def floats(small_specs: dict[str, GraphSpec]) -> dict[str, TiledGraph]:
    return {graph: float_graph(small_specs[graph], HEIGHT_PX, WIDTH_PX) for graph in GRAPHS}


def changed(graph: TiledGraph, factor: float = 1.0, offset: float = 0.0) -> TiledGraph:
    """A graph whose only output is changed a little."""

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: value * np.float32(factor) + np.float32(offset) for name, value in graph.run(inputs).items()}

    return dataclasses.replace(graph, run=run)


def idle(graph: TiledGraph) -> TiledGraph:
    """A deblurring graph that gives its picture back."""
    return dataclasses.replace(graph, run=lambda inputs: {"sharp": inputs["image"]})


def test_one_photograph_is_smaller_than_a_tile_and_one_is_wider(reference: PipelineReference) -> None:
    assert [(case.name, case.photo.shape) for case in reference.cases] == [
        ("golden", (64, 112, 3)),
        ("astronaut", (48, 56, 3)),
        ("synthetic", (32, 128, 3)),
    ]
    for case in reference.cases:
        rows, columns = (-(-n // STRIDE_PX) for n in case.photo.shape[:2])
        assert case.refocused.shape == (rows, columns, 3)


def test_graphs_too_small_for_their_halos_get_no_photograph_that_needs_tiles(
    small_specs: dict[str, GraphSpec],
) -> None:
    assert [case.photo.shape for case in make_reference(small_specs, 64, 64).cases] == [
        (64, 64, 3),
        (48, 32, 3),
        (32, 64, 3),
    ]


def test_the_float_networks_agree_with_themselves(floats: dict[str, TiledGraph], reference: PipelineReference) -> None:
    figures = check_pipeline_parity(floats, "fp32", reference)
    assert [(f.case, f.metric, f.answer, f.passed) for f in figures] == [
        ("golden", "psnr_db", "equal", True),
        ("astronaut", "psnr_db", "equal", True),
        ("synthetic", "psnr_db", "equal", True),
    ]


@pytest.mark.parametrize("graph", GRAPHS)
def test_a_fault_in_any_graph_comes_through(
    graph: str, floats: dict[str, TiledGraph], reference: PipelineReference
) -> None:
    """As fp32: the map of an untrained network is nearly even, so little of its fault is left in the picture."""
    figures = check_pipeline_parity({**floats, graph: changed(floats[graph], 0.95)}, "fp32", reference)
    assert any(not figure.passed for figure in figures)


def test_a_deblurring_file_that_does_nothing_fails(floats: dict[str, TiledGraph], reference: PipelineReference) -> None:
    figures = check_pipeline_parity({**floats, "deblur": idle(floats["deblur"])}, "int8", reference)
    assert [figure.passed for figure in figures] == [False, False, False]


def test_a_small_error_passes_as_int8_and_fails_as_fp32(
    floats: dict[str, TiledGraph], reference: PipelineReference
) -> None:
    """A thousandth is 60 dB."""
    slightly_off = {**floats, "refocus": changed(floats["refocus"], offset=0.001)}
    assert all(figure.passed for figure in check_pipeline_parity(slightly_off, "int8", reference))
    # What is in focus in the wide photograph, which is larger than the graph, never goes through it.
    assert [figure.passed for figure in check_pipeline_parity(slightly_off, "fp32", reference)] == [False, False, True]


def test_a_reference_comes_back_as_it_was_saved(reference: PipelineReference, tmp_path: Path) -> None:
    save_reference(reference, tmp_path / "pipeline.npz")
    back = load_reference(tmp_path / "pipeline.npz")
    assert (back.sigma_max_px, back.halo_px) == (reference.sigma_max_px, reference.halo_px)
    for one, other in zip(back.cases, reference.cases, strict=True):
        np.testing.assert_array_equal(one.photo, other.photo)
        np.testing.assert_array_equal(one.refocused, other.refocused)
        assert dataclasses.replace(one, photo=other.photo, refocused=other.refocused) == other


def test_what_is_no_reference_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pipeline.npz").write_bytes(b"PK\x03\x04 and no more")
    for name in ("pipeline.npz", "none.npz"):
        with pytest.raises(ValueError, match=f"cannot read the pipeline's reference .*{name}"):
            load_reference(tmp_path / name)


def test_a_missing_graph_is_named(floats: dict[str, TiledGraph], reference: PipelineReference) -> None:
    with pytest.raises(ValueError, match="the pipeline needs defocus, deblur, refocus, got no deblur"):
        check_pipeline_parity({graph: floats[graph] for graph in ("defocus", "refocus")}, "fp32", reference)


def test_the_gates_are_listed() -> None:
    (rule,) = pipeline_gate_rules("int8")
    assert (rule.metric, rule.bound, rule.threshold, rule.case) == ("psnr_db", "at least", 38.0, None)
