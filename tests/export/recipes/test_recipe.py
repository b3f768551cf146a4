from __future__ import annotations

import pytest

from export.recipes.recipe import (
    FORMATS,
    GRAPHS,
    PIPELINE_GRAPHS,
    RECIPES,
    Recipe,
    names_from,
    pipelines,
    recipe_table,
    select,
)
from export.recipes.targets import BLURS, PRECISIONS, TARGETS, VARIANTS


def test_every_graph_has_every_format() -> None:
    assert FORMATS == ("coreml", "tflite", "executorch", "onnx")
    assert GRAPHS == ("defocus", "deblur", "refocus", "preview", "fused")
    made = {(r.graph, r.format) for r in RECIPES}
    assert made == {(graph, format_) for graph in GRAPHS for format_ in FORMATS}
    assert {(r.graph, r.target) for r in RECIPES} >= {
        (graph, target) for graph in PIPELINE_GRAPHS for target in TARGETS
    }


def test_the_table_uses_known_names_only_and_all_of_them() -> None:
    assert {r.precision for r in RECIPES} == set(PRECISIONS)
    assert {r.variant for r in RECIPES} == set(VARIANTS)
    assert len({r.id for r in RECIPES}) == len(RECIPES)


def test_the_blur_alone_is_never_quantized() -> None:
    assert {r.precision for r in RECIPES if r.graph in BLURS} == {"fp16", "fp32"}


@pytest.mark.parametrize(
    ("recipe", "identifier", "stem", "packages"),
    [
        (("deblur", "tflite", "int8", ""), "deblur-tflite-int8", "deblur_int8", ("litert-torch", "ai-edge-quantizer")),
        (("deblur", "executorch", "fp32", ""), "deblur-executorch-fp32", "deblur_fp32", ("executorch",)),
        (
            ("deblur", "executorch-coreml", "fp16", ""),
            "deblur-executorch-coreml-fp16",
            "deblur_coreml_fp16",
            ("executorch", "coremltools"),
        ),
        (
            ("deblur", "coreml", "fp16", "image"),
            "deblur-coreml-fp16-image",
            "deblur_fp16_image",
            ("coremltools",),
        ),
    ],
)
def test_names(recipe: tuple[str, str, str, str], identifier: str, stem: str, packages: tuple[str, ...]) -> None:
    graph, target, precision, variant = recipe
    made = Recipe(graph=graph, target=target, precision=precision, variant=variant)
    assert (made.id, made.stem, made.packages) == (identifier, stem, packages)


def test_only_tflite_is_channels_last_and_only_coreml_is_half_precision() -> None:
    assert {name for name, target in TARGETS.items() if target.layout == "NHWC"} == {"tflite"}
    assert {name for name, target in TARGETS.items() if target.dtype == "float16"} == {"coreml"}


def test_select_keeps_the_order_of_the_table() -> None:
    chosen = select(["onnx", "tflite"], ["deblur"])
    assert [r.id for r in chosen] == [
        "deblur-tflite-fp32",
        "deblur-tflite-fp16",
        "deblur-tflite-int8",
        "deblur-onnx-fp32",
        "deblur-onnx-int8",
    ]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("tflite-int8", ["defocus-tflite-int8", "deblur-tflite-int8", "fused-tflite-int8"]),
        ("deblur-tflite-int8", ["deblur-tflite-int8"]),
        ("refocus-tflite-*", ["refocus-tflite-fp32"]),
        ("executorch-coreml-fp16", [f"{graph}-executorch-coreml-fp16" for graph in PIPELINE_GRAPHS]),
    ],
)
def test_recipes_are_selected_by_name(name: str, found: list[str]) -> None:
    assert [r.id for r in select(names=[name])] == found


def test_an_unknown_recipe_is_named() -> None:
    with pytest.raises(ValueError, match="no recipe 'tflite-int4'"):
        select(names=["onnx-fp32", "tflite-int4"])
    with pytest.raises(ValueError, match="no recipe is of these formats, graphs and names"):
        select(["onnx"], ["refocus"], ["int8", "onnx-int8"][1:])


def test_names_are_parsed_once_each_in_the_order_of_the_table() -> None:
    assert names_from(" tflite, coreml,tflite", FORMATS, "format") == ("coreml", "tflite")


@pytest.mark.parametrize("text", ["tflit", "tflite,gguf", "", ","])
def test_an_unknown_name_or_none_lists_the_valid_ones(text: str) -> None:
    with pytest.raises(ValueError, match="choose from coreml, tflite, executorch, onnx"):
        names_from(text, FORMATS, "format")


def test_a_pipeline_takes_a_finer_graph_where_there_is_no_such_precision() -> None:
    found = {(target, precision): chosen["refocus"].precision for target, precision, chosen in pipelines(RECIPES)}
    assert found == {
        ("coreml", "fp16"): "fp16",
        ("coreml", "w8"): "fp16",
        ("coreml", "p6"): "fp16",
        ("coreml", "w8a8"): "fp16",
        ("tflite", "fp32"): "fp32",
        ("tflite", "fp16"): "fp32",
        ("tflite", "int8"): "fp32",
        ("executorch", "fp32"): "fp32",
        ("executorch", "int8"): "fp32",
        ("executorch-coreml", "fp16"): "fp16",
        ("executorch-vulkan", "fp16"): "fp16",
        ("onnx", "fp32"): "fp32",
        ("onnx", "int8"): "fp32",
    }


def test_an_int8_pipeline_has_int8_networks_and_no_variants() -> None:
    (chosen,) = [c for t, p, c in pipelines(RECIPES) if (t, p) == ("tflite", "int8")]
    assert [chosen[graph].id for graph in PIPELINE_GRAPHS] == [
        "defocus-tflite-int8",
        "deblur-tflite-int8",
        "refocus-tflite-fp32",
    ]


def test_there_is_no_pipeline_without_all_three_graphs() -> None:
    assert pipelines(select(["tflite"], ["defocus", "deblur"])) == ()


def test_the_list_has_a_line_for_each_recipe() -> None:
    lines = recipe_table().splitlines()
    assert len(lines) == 2 + len(RECIPES)
    (line,) = [line for line in lines if line.startswith("deblur-coreml-w8a8 ")]
    assert "Core ML" in line
    assert line.endswith("; experimental")
