import cv2
import numpy as np
import pytest

from train.data.optical_flow import believable, global_motion, picture_flow
from train.data.textures import dead_leaves

SIDE = 256
INNER = (slice(None), slice(32, -32), slice(32, -32))


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return dead_leaves(SIDE + 80, np.random.default_rng(5))


def pair_under(motion: np.ndarray, picture: np.ndarray, sigma_px: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A blurry and a sharp picture with blurry(p) = sharp(M p), and the flow M p - p."""
    shift = np.array([[1, 0, 40], [0, 1, 40], [0, 0, 1]], np.float64)
    in_large = (shift @ np.vstack([motion, [0, 0, 1]]))[:2]
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    blurry = cv2.GaussianBlur(cv2.warpAffine(picture, in_large, (SIDE, SIDE), flags=flags), (0, 0), sigma_px)
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    truth = np.stack([row[0] * x + row[1] * y + row[2] for row in motion]) - np.stack([x, y])
    return blurry, np.ascontiguousarray(picture[40:-40, 40:-40]), truth


MOTION = np.array([[1.02, -0.01, 17.0], [0.01, 1.02, -14.0]])


def test_large_motion_is_found_under_large_blur(picture: np.ndarray) -> None:
    blurry, sharp, truth = pair_under(MOTION, picture, sigma_px=5.0)
    assert np.linalg.norm(truth, axis=0).max() > 20
    found = global_motion(blurry * np.float32(0.8), sharp)
    corners = np.array([[0, 0, 1], [SIDE, 0, 1], [0, SIDE, 1], [SIDE, SIDE, 1]]).T
    np.testing.assert_allclose(found @ corners, MOTION @ corners, atol=1.0)


def test_flow_is_right_both_ways(picture: np.ndarray) -> None:
    blurry, sharp, truth = pair_under(MOTION, picture, sigma_px=2.0)
    flow = picture_flow(blurry, sharp)
    assert flow.to_sharp.dtype == flow.to_blurry.dtype == np.float32
    error = np.linalg.norm(flow.to_sharp - truth, axis=0)[INNER[1:]]
    assert np.median(error) < 0.2
    assert np.percentile(error, 95) < 1.0
    # At p = (100, 150) the blurry picture shows what the sharp one shows at M p = (117.5, 140).
    back = flow.to_blurry[:, 140, 117]
    np.testing.assert_allclose(back, [100 - 117.5, 150 - 140.0], atol=0.5)


def test_flat_pictures_have_no_flow() -> None:
    flat = np.full((64, 64, 3), 0.5, np.float32)
    np.testing.assert_array_equal(global_motion(flat, flat), np.eye(3)[:2])
    assert np.abs(picture_flow(flat, flat).to_sharp).max() < 1e-3


def test_contradicted_flow_is_filled_in_from_around() -> None:
    flow = np.zeros((2, 96, 96), np.float32)
    flow[0] = 2.0
    back = -flow
    flow[0, 40:50, 40:50] = 7.0  # back says -2 there: contradicted
    filled = believable(flow, back)
    np.testing.assert_array_equal(filled[:, 0:30], flow[:, 0:30])
    assert 1.7 < filled[0, 45, 45] < 2.0  # drawn a little towards the affine motion alone
    assert not believable(flow, flow + 3).any()  # nothing to believe: the affine motion alone
