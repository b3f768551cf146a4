import dataclasses
from pathlib import Path

from export.recipes.jobs import Plan, size_name
from export.recipes.recipe import GRAPHS, RECIPES, select
from runtime.manifest.records import Size

LARGE, SMALL = Size(height_px=512, width_px=512), Size(height_px=256, width_px=384)


def plan(*names: str) -> Plan:
    recipes = select(names=names)
    return Plan(checkpoint=Path("c.safetensors"), out=Path("out"), recipes=recipes, sizes=(LARGE, SMALL))


def test_every_recipe_is_made_at_every_size() -> None:
    assert len(plan("*").jobs) == 2 * len(RECIPES)


def test_a_file_for_several_sizes_needs_several() -> None:
    assert [(job.id, job.file_name, job.joint_sizes) for job in plan("refocus-coreml-fp16-sizes").jobs] == [
        ("refocus-coreml-fp16-sizes", "refocus_fp16_sizes.mlpackage", (LARGE, SMALL)),
        ("refocus-coreml-fp16-sizes-256x384", "refocus_fp16_sizes.mlpackage", (LARGE, SMALL)),
    ]
    one = dataclasses.replace(plan("*"), sizes=(SMALL,))
    assert {r.id for r in RECIPES} - {job.id for job in one.jobs} == {f"{g}-coreml-fp16-sizes" for g in GRAPHS}


def test_only_the_first_size_is_not_named() -> None:
    jobs = plan("deblur-tflite-int8", "deblur-executorch-coreml-fp16").jobs
    assert [(job.id, job.file_name) for job in jobs] == [
        ("deblur-tflite-int8", "deblur_int8.tflite"),
        ("deblur-executorch-coreml-fp16", "deblur_coreml_fp16.pte"),
        ("deblur-tflite-int8-256x384", "deblur_int8_256x384.tflite"),
        ("deblur-executorch-coreml-fp16-256x384", "deblur_coreml_fp16_256x384.pte"),
    ]


def test_identifiers_and_file_names_are_unique() -> None:
    jobs = plan("*").jobs
    assert len({job.id for job in jobs}) == len(jobs)
    single = [job.file_name for job in jobs if not job.joint_sizes]
    assert len(set(single)) == len(single)


def test_a_size_is_named_height_first() -> None:
    assert size_name(SMALL) == "256x384"


def test_graphs_are_those_of_the_recipes() -> None:
    assert plan("refocus-*", "deblur-onnx-fp32").graphs == ("refocus", "deblur")
