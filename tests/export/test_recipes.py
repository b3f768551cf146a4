from __future__ import annotations

import pytest

from export.recipes import FORMATS, GRAPHS, RECIPES, TARGETS, Recipe, names_from, pipelines, select


def test_the_table_is_the_agreed_one() -> None:
    table = {(r.format, r.precision): [] for r in RECIPES}
    for recipe in RECIPES:
        table[recipe.format, recipe.precision].append(recipe.graph)
    assert table == {
        ("coreml", "fp16"): ["defocus", "deblur", "refocus"],
        ("tflite", "fp32"): ["defocus", "deblur", "refocus"],
        ("tflite", "int8"): ["defocus", "deblur"],
        ("executorch", "fp32"): ["defocus", "deblur", "refocus"],
        ("executorch", "int8"): ["defocus", "deblur"],
        ("onnx", "fp32"): ["defocus", "deblur", "refocus"],
        ("onnx", "int8"): ["defocus", "deblur"],
    }
    assert FORMATS == ("coreml", "tflite", "executorch", "onnx")
    assert GRAPHS == ("defocus", "deblur", "refocus")


@pytest.mark.parametrize(
    ("recipe", "identifier", "file_name", "packages"),
    [
        (("deblur", "tflite", "int8"), "deblur-tflite-int8", "deblur_int8.tflite",
         ("litert-torch", "ai-edge-quantizer")),
        (("deblur", "executorch", "fp32"), "deblur-executorch-fp32", "deblur_fp32.pte", ("executorch",)),
        (("defocus", "onnx", "int8"), "defocus-onnx-int8", "defocus_int8.onnx",
         ("onnx", "onnxscript", "onnxsim", "onnxruntime")),
        (("refocus", "coreml", "fp16"), "refocus-coreml-fp16", "refocus_fp16.mlpackage", ("coremltools",)),
    ],
)  # fmt: skip
def test_names(recipe: tuple[str, str, str], identifier: str, file_name: str, packages: tuple[str, ...]) -> None:
    graph, format_, precision = recipe
    made = Recipe(graph=graph, format=format_, precision=precision)  # type: ignore[arg-type]
    assert (made.id, made.file_name, made.packages) == (identifier, file_name, packages)


def test_identifiers_and_file_names_are_unique() -> None:
    assert len({r.id for r in RECIPES}) == len({r.file_name for r in RECIPES}) == len(RECIPES) == 18


def test_only_tflite_is_channels_last_and_only_coreml_is_half_precision() -> None:
    assert {name: (t.layout, t.dtype) for name, t in TARGETS.items()} == {
        "coreml": ("NCHW", "float16"),
        "tflite": ("NHWC", "float32"),
        "executorch": ("NCHW", "float32"),
        "onnx": ("NCHW", "float32"),
    }


def test_select_keeps_the_order_of_the_table() -> None:
    chosen = select(["executorch", "tflite"], ["deblur"])
    assert [r.id for r in chosen] == [
        "deblur-tflite-fp32", "deblur-tflite-int8", "deblur-executorch-fp32", "deblur-executorch-int8",
    ]  # fmt: skip


def test_names_are_parsed_once_each_in_the_order_of_the_table() -> None:
    assert names_from(" tflite, coreml,tflite", FORMATS, "format") == ("coreml", "tflite")


@pytest.mark.parametrize("text", ["tflit", "tflite,gguf", "", ","])
def test_an_unknown_name_or_none_lists_the_valid_ones(text: str) -> None:
    with pytest.raises(ValueError, match="choose from coreml, tflite, executorch, onnx"):
        names_from(text, FORMATS, "format")


def test_a_pipeline_takes_a_finer_graph_where_there_is_no_such_precision() -> None:
    found = {(format_, precision): chosen["refocus"].precision for format_, precision, chosen in pipelines(RECIPES)}
    assert found == {
        ("coreml", "fp16"): "fp16",
        ("tflite", "fp32"): "fp32",
        ("tflite", "int8"): "fp32",
        ("executorch", "fp32"): "fp32",
        ("executorch", "int8"): "fp32",
        ("onnx", "fp32"): "fp32",
        ("onnx", "int8"): "fp32",
    }


def test_an_int8_pipeline_has_int8_networks() -> None:
    (chosen,) = [c for f, p, c in pipelines(RECIPES) if (f, p) == ("tflite", "int8")]
    assert [chosen[graph].id for graph in GRAPHS] == [
        "defocus-tflite-int8", "deblur-tflite-int8", "refocus-tflite-fp32",
    ]  # fmt: skip


def test_there_is_no_pipeline_without_all_three_graphs() -> None:
    assert pipelines(select(["tflite"], ["defocus", "deblur"])) == ()
