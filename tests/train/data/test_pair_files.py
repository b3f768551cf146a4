from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from runtime.photos import png16
from train.data.pair_files import check_sizes, find_pairs, pair_pictures, picture_size, read_picture

SIDE = 32


def save(path: Path, value: int = 100, size: tuple[int, int] = (SIDE, SIDE)) -> Path:
    """A flat 8-bit picture of ``size`` (height, width), in the format of its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), value, np.uint8)).save(path)
    return path


def save_16_bit(path: Path, samples: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png16.encode(samples))
    return path


def found(folder: Path, split: str = "train", layout: str = "auto") -> list[tuple[str, str, str]]:
    return [
        (pair.name, str(pair.blurry.relative_to(folder)), str(pair.sharp.relative_to(folder)))
        for pair in find_pairs(folder, split, layout)
    ]


def test_dpdd_pairs_by_order_and_counts_numbers_as_numbers(tmp_path: Path) -> None:
    for name in ("P9.png", "P11.png"):
        save(tmp_path / "train_c/source" / name)
    for name in ("P10.png", "P12.png"):
        save(tmp_path / "train_c/target" / name)
    save(tmp_path / "test_c/source/P1.png")
    save(tmp_path / "test_c/target/P2.png")
    assert found(tmp_path) == [
        ("P9", "train_c/source/P9.png", "train_c/target/P10.png"),
        ("P11", "train_c/source/P11.png", "train_c/target/P12.png"),
    ]
    assert found(tmp_path, "test") == [("P1", "test_c/source/P1.png", "test_c/target/P2.png")]
    with pytest.raises(ValueError, match=r"layout dpdd\) has no 'val' split: it has train, test"):
        find_pairs(tmp_path, "val")


def test_dpdd_refuses_unequal_counts(tmp_path: Path) -> None:
    save(tmp_path / "train_c/source/1.png")
    save(tmp_path / "train_c/source/2.png")
    save(tmp_path / "train_c/target/1.png")
    save(tmp_path / "train_c/target/2.png")
    save(tmp_path / "train_c/target/3.png")
    with pytest.raises(ValueError, match=r"\(2 pictures\) with .*target \(3\) by order"):
        find_pairs(tmp_path)


@pytest.mark.parametrize("train", ["train", "train_patches"])
def test_sdd_pairs_by_name(tmp_path: Path, train: str) -> None:
    for folder in (f"{train}/blur", f"{train}/gt", "test/blur", "test/gt"):
        save(tmp_path / folder / "0001.png")
        save(tmp_path / folder / "0002.png")
    assert (
        found(tmp_path, "train", "sdd")
        == found(tmp_path)
        == [
            ("0001", f"{train}/blur/0001.png", f"{train}/gt/0001.png"),
            ("0002", f"{train}/blur/0002.png", f"{train}/gt/0002.png"),
        ]
    )
    assert found(tmp_path, "test")[0][1] == "test/blur/0001.png"


def test_realdof_serves_every_split_whatever_the_extension(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(tmp_path / f"source/{name}.jpg")
        save(tmp_path / f"target/{name}.png")
    expected = [("a", "source/a.jpg", "target/a.png"), ("b", "source/b.jpg", "target/b.png")]
    assert found(tmp_path, "test") == found(tmp_path, "train") == expected


def test_realdof_pairs_by_order_only_where_no_name_is_shared(tmp_path: Path) -> None:
    for folder, names in (("source", "ab"), ("target", "cd")):
        for name in names:
            save(tmp_path / folder / f"{name}.png")
    assert found(tmp_path)[1] == ("b", "source/b.png", "target/d.png")
    save(tmp_path / "source/c.png")
    save(tmp_path / "target/e.png")
    with pytest.raises(ValueError, match=r"source has pictures without one of the same name in .*target: a, b"):
        find_pairs(tmp_path)


def test_lfdof_has_several_inputs_a_scene(tmp_path: Path) -> None:
    for name in ("IMG_1/IMG_1_ap1_00", "IMG_1/IMG_1_ap2_00", "IMG_2/IMG_2_ap1_00"):
        save(tmp_path / f"train_data/input/{name}.png")
    save(tmp_path / "train_data/ground_truth/IMG_1.png")
    with pytest.raises(ValueError, match=r"scenes without a picture of that name in .*ground_truth: IMG_2"):
        find_pairs(tmp_path)
    save(tmp_path / "train_data/ground_truth/IMG_2.png")
    pairs = found(tmp_path)
    assert [name for name, _, _ in pairs] == ["IMG_1/IMG_1_ap1_00", "IMG_1/IMG_1_ap2_00", "IMG_2/IMG_2_ap1_00"]
    assert [sharp for _, _, sharp in pairs] == [f"train_data/ground_truth/IMG_{n}.png" for n in (1, 1, 2)]
    assert [pair.name for pair in find_pairs(tmp_path / "train_data", layout="lfdof")] == [name for name, _, _ in pairs]


def test_a_focal_stack_shares_its_one_sharp_picture(tmp_path: Path) -> None:
    for frame in range(3):
        save(tmp_path / f"blurry/{frame}.jpg")
    save(tmp_path / "sharp/all.jpg")
    assert found(tmp_path) == [(str(n), f"blurry/{n}.jpg", "sharp/all.jpg") for n in range(3)]


def test_a_partner_for_one_of_many_is_no_stack(tmp_path: Path) -> None:
    for frame in range(5):
        save(tmp_path / f"blurry/{frame}.png")
    save(tmp_path / "sharp/2.png")
    with pytest.raises(ValueError, match=r"same name in .*sharp: 0, 1, 3 and 1 more"):
        find_pairs(tmp_path)
    assert len(find_pairs(tmp_path, layout="stack")) == 5
    save(tmp_path / "sharp/3.png")
    with pytest.raises(ValueError, match="has 2 pictures: expected the one all-in-focus picture"):
        find_pairs(tmp_path, layout="stack")


@pytest.mark.parametrize(("blurry", "sharp"), [("blurry", "sharp"), ("blur", "sharp"), ("input", "target")])
def test_any_two_folders(tmp_path: Path, blurry: str, sharp: str) -> None:
    for name in ("x", "y"):
        save(tmp_path / blurry / f"{name}.png")
        save(tmp_path / sharp / f"{name}.jpg")
    (tmp_path / blurry / "notes.txt").write_text("no picture")
    (tmp_path / sharp / "._x.jpg").write_bytes(b"a hidden file that an archive left")
    assert [name for name, _, _ in found(tmp_path, "val")] == ["x", "y"]


def test_two_folders_in_split_folders_do_not_lend_one_split_to_another(tmp_path: Path) -> None:
    for side in ("input", "target"):
        save(tmp_path / "train" / side / "x.png")
        save(tmp_path / "train" / side / "y.png")
    assert len(find_pairs(tmp_path, "train")) == 2
    with pytest.raises(ValueError, match="no 'test' split: it has train"):
        find_pairs(tmp_path, "test")


def test_two_names_that_differ_in_extension_only_are_refused(tmp_path: Path) -> None:
    for path in ("blurry/x.png", "blurry/x.jpg", "blurry/y.png", "sharp/x.png", "sharp/y.png"):
        save(tmp_path / path)
    with pytest.raises(ValueError, match="differ in extension only"):
        find_pairs(tmp_path)


def test_errors_name_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no folder of picture pairs at"):
        find_pairs(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="no layout 'coco': choose auto or one of stack, dpdd, sdd"):
        find_pairs(tmp_path, layout="coco")
    with pytest.raises(ValueError, match="no split 'training': choose one of train, val, test"):
        find_pairs(tmp_path, "training")
    with pytest.raises(ValueError, match=r"of no known layout: found nothing; known are stack: .*dpdd: train_c"):
        find_pairs(tmp_path)
    save(tmp_path / "images/1.png")
    with pytest.raises(ValueError, match=r"found images/; known are"):
        find_pairs(tmp_path)
    with pytest.raises(ValueError, match=r"not of layout sdd: expected train\|train_patches"):
        find_pairs(tmp_path, layout="sdd")
    (tmp_path / "blurry").mkdir()
    (tmp_path / "sharp").mkdir()
    with pytest.raises(ValueError, match=r"blurry holds no picture: expected files ending in .png"):
        find_pairs(tmp_path)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_are_kept(tmp_path: Path, suffix: str) -> None:
    samples = np.zeros((SIDE, SIDE, 3), np.uint16)
    samples[0, 0] = (65535, 1000, 1)  # 1000 lies between the 8-bit steps 3 * 257 and 4 * 257
    path = tmp_path / f"deep{suffix}"
    if suffix == ".png":
        save_16_bit(path, samples)
    else:
        cv2.imwrite(str(path), samples[..., ::-1])
    read = read_picture(path)
    assert read.dtype == np.float32
    np.testing.assert_allclose(read[0, 0], [1.0, 1000 / 65535, 1 / 65535], rtol=1e-6)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_grey_becomes_rgb(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"grey{suffix}"
    Image.fromarray(np.full((SIDE, SIDE), 51, np.uint8)).save(path)
    np.testing.assert_allclose(read_picture(path), np.full((SIDE, SIDE, 3), 0.2), rtol=1e-6)


def test_orientation_is_applied(tmp_path: Path) -> None:
    stored = np.zeros((SIDE, 2 * SIDE, 3), np.uint8)
    stored[:, :SIDE] = 255
    metadata = Image.Exif()
    metadata[274] = 6  # turn clockwise: the left half comes up
    Image.fromarray(stored).save(tmp_path / "turned.png", exif=metadata)
    read = read_picture(tmp_path / "turned.png")
    assert read.shape == (2 * SIDE, SIDE, 3)
    assert read[:SIDE].min() == 1.0
    assert read[SIDE:].max() == 0.0
    assert picture_size(tmp_path / "turned.png") == (2 * SIDE, SIDE)
    Image.fromarray(stored).save(tmp_path / "turned.tif", exif=metadata)
    with pytest.raises(ValueError, match="a TIFF that its metadata rotates"):
        read_picture(tmp_path / "turned.tif")


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.tif"])
def test_a_file_cut_short_is_refused(tmp_path: Path, name: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(ValueError, match=r"cut short|damaged|cannot read"):
        read_picture(tmp_path / name)


def test_other_files_are_refused(tmp_path: Path) -> None:
    for name in ("x.png", "x.tif"):
        (tmp_path / name).write_text("hello")
        with pytest.raises(ValueError, match=r"is no JPEG|no TIFF picture"):
            read_picture(tmp_path / name)
        with pytest.raises(ValueError, match="no photograph at"):
            read_picture(tmp_path / f"missing-{name}")
    cv2.imwrite(str(tmp_path / "float.tif"), np.zeros((SIDE, SIDE, 3), np.float32))
    with pytest.raises(ValueError, match="float32 samples: expected 8 or 16 bits"):
        read_picture(tmp_path / "float.tif")


def test_whole_pictures_of_a_pair(tmp_path: Path) -> None:
    save(tmp_path / "blurry/x.png", 0)
    save(tmp_path / "sharp/x.png", 255)
    blurry, sharp = pair_pictures(find_pairs(tmp_path), 0)
    assert blurry.max() == 0.0
    assert sharp.min() == 1.0


def test_sizes_are_checked(tmp_path: Path) -> None:
    save(tmp_path / "blurry/x.png", size=(40, 50))
    save(tmp_path / "sharp/x.png", size=(40, 50))
    pairs = find_pairs(tmp_path)
    check_sizes(pairs, 40)
    with pytest.raises(ValueError, match=r"x.png is 50x40: expected at least 41 px a side"):
        check_sizes(pairs, 41)
    save(tmp_path / "sharp/x.png", size=(50, 40))
    for check in (lambda: check_sizes(pairs, 32), lambda: pair_pictures(pairs, 0)):
        with pytest.raises(ValueError, match=r"must have one size: .*is 50x40, .*is 40x50"):
            check()
