"""What the manifest advises, on a small export."""

from __future__ import annotations

import dataclasses
import platform
from pathlib import Path

import pytest

from export.artifacts.recommendations import CHOICES, recommendations
from runtime.manifest.manifest import Manifest


@pytest.fixture(scope="module")
def manifest(small_export: Path) -> Manifest:
    return Manifest.load(small_export)


def test_every_row_of_the_table_is_a_pipeline_that_passed(manifest: Manifest) -> None:
    assert len(manifest.recommended) == len(CHOICES)
    passed = {(p.backend, p.delegate, p.precision): p for p in manifest.pipelines if p.status == "passed"}
    for found in manifest.recommended:
        pipeline = passed[found.backend, found.delegate, found.precision]
        assert {k: v for k, v in found.artifacts.items() if k != "preview"} == {
            graph: getattr(pipeline, graph) for graph in ("defocus", "deblur", "refocus")
        }
        assert manifest.artifact(found.artifacts["preview"]).graph == "preview"
        assert (found.threads == "one for each fast core") == (found.unit == "CPU")


def test_measured_is_what_ran_on_this_machine(manifest: Manifest) -> None:
    measured = {(found.platform, found.unit) for found in manifest.recommended if found.evidence == "measured"}
    assert measured <= {(platform.system(), "CPU")}


def test_what_failed_is_not_recommended(manifest: Manifest) -> None:
    failed = [dataclasses.replace(p, status="failed") for p in manifest.pipelines]
    assert recommendations(manifest.artifacts, failed, manifest.sizes[0]) == ()


def test_memory_is_told_of_what_a_real_runtime_ran(manifest: Manifest) -> None:
    for pipeline in manifest.pipelines:
        on_a_processor = pipeline.backend != "coreml" and pipeline.delegate in ("", "xnnpack")
        assert (pipeline.peak_memory_mib is not None) == (on_a_processor and platform.system() == "Linux")
        assert pipeline.peak_memory_mib is None or 0.0 < pipeline.peak_memory_mib < 4096.0
