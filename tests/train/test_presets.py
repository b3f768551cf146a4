import dataclasses
import json

import pytest

from train.networks.config import networks_from_dict
from train.networks.reblur import PAPER_RADII
from train.networks.restormer import RestormerConfig
from train.presets import PRESETS, mobile, paper_restormer, paper_unet, preset, teacher


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_survives_json(name: str) -> None:
    config = preset(name)
    assert config.preset == name
    assert networks_from_dict(json.loads(config.to_json())["networks"]) == config.networks


@pytest.mark.parametrize("name", PRESETS)
def test_every_presets_crops_fit_its_networks(name: str) -> None:
    config = preset(name)
    assert config.fit.crop_px % config.networks.size_multiple == 0


def test_a_description_without_kinds_is_of_plain_unets() -> None:
    description = dataclasses.asdict(mobile().networks)
    for part in ("deblur", "defocus", "reblur"):
        del description[part]["kind"]
        del description[part]["branches"]
    assert networks_from_dict(description) == mobile().networks


@pytest.mark.parametrize(
    ("part", "kind", "expected"),
    [
        ("deblur", "swin", "unet, paper_unet, restormer"),
        ("defocus", "restormer", "unet, seeds"),
        ("reblur", "seeds", "expected one of unet$"),
    ],
)
def test_an_unknown_kind_names_the_known_ones(part: str, kind: str, expected: str) -> None:
    description = dataclasses.asdict(mobile().networks)
    description[part]["kind"] = kind
    with pytest.raises(ValueError, match=rf"no {part} network of kind '{kind}'.*{expected}"):
        networks_from_dict(description)


def test_a_field_of_another_kind_is_refused() -> None:
    description = dataclasses.asdict(paper_restormer().networks)
    description["deblur"]["widths"] = [8, 16]
    with pytest.raises(ValueError, match="does not fit this version of Reblur"):
        networks_from_dict(description)


def test_the_paper_presets_follow_the_paper() -> None:
    for config in (paper_unet(), paper_restormer()):
        assert config.networks.blur_map == "seeds"
        assert config.networks.kernel_radii == PAPER_RADII
        assert config.networks.blur_channels == 35
        assert (config.loss.deform, config.loss.reblur_source, config.loss.alignment) == ("two_way", "restored", "flow")
        assert (config.loss.reblur, config.loss.pseudo_sigma) == (0.5, 0.5)
        assert config.loss.triplet_share == config.loss.sharp_share == 0.0
        assert (config.fit.batch_size, config.fit.crop_px) == (1, 256)
    assert paper_restormer().networks.deblur == RestormerConfig()


def test_the_teacher_differs_from_its_student_in_two_networks_alone() -> None:
    student = mobile()
    networks = dataclasses.replace(teacher().networks, deblur=student.networks.deblur, defocus=student.networks.defocus)
    assert dataclasses.replace(teacher(), preset="mobile", networks=networks) == student


def test_an_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"no preset 'phone'.*mobile, paper_restormer, paper_unet, smoke, teacher"):
        preset("phone")
