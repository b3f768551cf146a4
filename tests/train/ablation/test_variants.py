import dataclasses
import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from train.ablate import main
from train.ablation.command import quick, read_results, slug, variants_of
from train.ablation.report import Series, report
from train.ablation.variants import VARIANTS, Pools, Result, cells, configure, depth_edges, region_gain, train_variant
from train.evaluation.held_out import HeldOut
from train.loop.trainer import fit
from train.loop.training_data import synthetic_data


def result(variant: str, gain_db: float, sigma_mae_px: float | None = None, seed: int = 0) -> Result:
    figures: dict[str, Any] = {f.name: 0.0 for f in dataclasses.fields(Result)}
    figures |= {"variant": variant, "misalignment_px": 4.0, "seed": seed, "gain_db": gain_db, "health": "healthy"}
    figures |= {"blurred_gain_db": gain_db, "worst_tenth_db": gain_db}
    return Result(**figures | {"sigma_mae_px": sigma_mae_px})


def test_the_command_line_names_variants_without_commas_or_spaces() -> None:
    slugs = [slug(name) for name in VARIANTS]
    assert len(set(slugs)) == len(slugs)
    assert all(text.replace("-", "").isalnum() for text in slugs)
    assert variants_of(slugs) == variants_of(None) == list(VARIANTS)
    assert variants_of(["warping-masks", "full-sigma-from-restored-paper"]) == [
        "warping, masks",
        "full, sigma from restored (paper)",
    ]


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_is_a_valid_configuration(variant: str) -> None:
    config = configure(quick(), variant, 4.0, seed=3)
    assert config.fit.seed == 3
    assert config.misalign.shift_px == (0.0 if variant == "oracle" else 4.0)


def test_variants_differ_in_their_losses_alone() -> None:
    plain, full = (configure(quick(), v, 4.0, 0) for v in ("pixel loss", "full, sigma from restored (paper)"))
    assert dataclasses.replace(plain, loss=full.loss) == full


def test_the_headline_misalignment_has_two_seeds_the_oracle_and_each_part_taken_away() -> None:
    planned = list(cells([0.0, 4.0], seeds=2, seeds_at_px=4.0))
    assert [c[0] for c in planned if c[1:] == (4.0, 1)] == list(VARIANTS)
    elsewhere = [c[0] for c in planned if c[1] == 0.0]
    assert "Reblur" in elsewhere
    assert "warping, masks" in elsewhere
    assert not {"oracle", "Reblur, no fade", "Reblur (fade from 0.25 px)"} & set(elsewhere)


def test_the_gain_in_a_region_by_hand() -> None:
    """Half the error inside: 6.02 dB; what happens outside does not matter."""
    sharp = torch.zeros(1, 3, 8, 8)
    region = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    region[..., :4] = True
    data = HeldOut(sharp + 0.2, sharp, torch.zeros(1, 1, 8, 8))
    restored = torch.where(region, sharp + 0.1, sharp + 0.9)
    assert region_gain(restored, data, region) == pytest.approx(20 * math.log10(2), abs=1e-3)


def test_a_region_that_is_too_small_does_not_count() -> None:
    data = HeldOut(torch.ones(1, 3, 8, 8), torch.zeros(1, 3, 8, 8), torch.zeros(1, 1, 8, 8))
    assert math.isnan(region_gain(data.sharp, data, torch.zeros(1, 1, 8, 8, dtype=torch.bool)))


def test_depth_edges_are_where_sigma_steps() -> None:
    sigma_px = torch.zeros(1, 1, 40, 40)
    sigma_px[..., 20:] = 2.0
    edges = depth_edges(sigma_px)[0, 0]
    assert edges[:, 14:26].all()
    assert not edges[:, :13].any()
    assert not edges[:, 27:].any()
    assert not depth_edges(torch.linspace(0, 2, 40).expand(1, 1, 40, 40)).any()  # a slope is no edge


def test_the_report_says_which_claims_hold() -> None:
    results = [
        result("oracle", 1.0),
        result("pixel loss", -2.0),
        result("warping, masks", 0.9),
        result("Reblur", 0.7, 0.4),
        result("Reblur", 0.8, 0.5, seed=1),
    ]
    text = report([Series(quick(), results)], "python -m train.ablate", None)
    assert "**holds**: plain pixel loss ends below the blurry input (-2.00 dB)" in text
    assert "**fails**: 93 % of what aligned pairs teach, all scenes (+0.70 against +1.00 dB, 70%)" in text
    assert "**fails**: better than warping, masks, all scenes (+0.70 against +0.90 dB)" in text
    assert "**holds**: sigma within 0.5 px on textured area (0.40 px; 0.50 px)" in text
    assert "| Reblur | +0.75 (+0.70 to +0.80) | +0.75 (+0.70 to +0.80) |" in re.sub(" +", " ", text)


@pytest.mark.slow
def test_a_variant_is_trained_as_a_run_is(tmp_path: Path) -> None:
    """Bit for bit, over all three stages."""
    base = quick()
    config = configure(
        dataclasses.replace(base, fit=dataclasses.replace(base.fit, batch_size=2, held_out_scenes=1)), "Reblur", 4.0, 0
    )
    networks, averaged, _ = train_variant(config, Pools([]).pool_for(config))
    assert fit(config, synthetic_data(config, None, None), tmp_path / "run") is not None
    saved = torch.load(tmp_path / "run" / "state.pt", weights_only=True)
    ours = {f"{name}.{key}": t for name, net in networks._asdict().items() for key, t in net.state_dict().items()}
    theirs = {f"{name}.{key}": t for name, net in saved["networks"].items() for key, t in net.items()}
    for name, net in (("deblur", averaged.deblur), ("defocus", averaged.defocus)):
        ours |= {f"module.{name}.{key}": t for key, t in net.state_dict().items()}
    theirs |= {k: t for k, t in saved["average"].items() if k.startswith(("module.deblur.", "module.defocus."))}
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[name]), name


@pytest.mark.slow
def test_a_stopped_ablation_goes_on_where_it_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--quick", "--threads", "1", "--misalignments", "4", "--seeds", "1", "--out", str(tmp_path / "runs")]
    assert main([*arguments, "--variants", "reblur"]) == 0
    log = tmp_path / "runs" / "results.jsonl"
    assert len(log.read_text().splitlines()) == 1
    written = tmp_path / "RESULTS.md"
    assert main([*arguments, "--variants", "reblur,pixel-loss", "--write", str(written)]) == 0
    assert len(log.read_text().splitlines()) == 2
    assert read_results(log, "another digest") == []
    assert "| pixel loss " in written.read_text()
    assert written.with_suffix(".png").stat().st_size > 1000
    capsys.readouterr()
    assert main([*arguments, "--variants", "reblur,pixel-loss", "--json"]) == 0
    results = json.loads(capsys.readouterr().out)["results"]
    assert {(r["variant"], r["misalignment_px"]) for r in results} == {("Reblur", 4.0), ("pixel loss", 4.0)}


def test_without_runs_there_is_nothing_to_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "--report", "--out", str(tmp_path)]) == 2
    assert "holds no run of this configuration to report: train without --report" in capsys.readouterr().err


@pytest.mark.slow
def test_longer_runs_have_a_table_and_claims_of_their_own(tmp_path: Path) -> None:
    written = tmp_path / "RESULTS.md"
    arguments = ["--quick", "--threads", "1", "--misalignments", "4", "--seeds", "1", "--out", str(tmp_path / "runs")]
    assert main([*arguments, "--variants", "pixel-loss", "--long-steps", "8", "--write", str(written)]) == 0
    first, longer = written.read_text().split("## The claims after 6 steps")
    assert "| pixel loss " in first
    assert "| Reblur " not in first
    assert "## 8 steps, misalignment up to 4 px (1 seed)" in longer
    assert "| Reblur " in longer
    assert "93 % of what aligned pairs teach" in longer
    assert "| pixel loss " not in longer


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--variants", "magic"], "no variant 'magic': choose from oracle, pixel-loss, warping, warping-masks, "),
        (["--misalignments=-1"], "--misalignments: expected pixels of 0 or more, separated by commas, got '-1'"),
        (["--misalignments", "0,x"], "--misalignments: expected pixels of 0 or more, separated by commas, got '0,x'"),
        (["--seeds", "0"], "--seeds: expected a whole number of 1 or more, got '0'"),
    ],
)
def test_wrong_arguments_are_told(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
