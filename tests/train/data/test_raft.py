from pathlib import Path

import pytest
import torch

from train.data import raft
from train.data.alignment import batch_flow


def test_missing_weights_are_told_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(ValueError, match=r"RAFT's weights are not on this machine: expected raft_small.*\.pth"):
        batch_flow(torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32), "raft")


def test_flow_has_the_pictures_size_and_no_gradient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With random weights: what they are worth is torchvision's to show."""
    from torchvision.models.optical_flow import raft_small

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    path = raft.weights_path()
    path.parent.mkdir(parents=True)
    torch.manual_seed(0)
    torch.save(raft_small(weights=None).state_dict(), path)
    a = torch.rand(2, 3, 40, 52, requires_grad=True)
    flow = batch_flow(a, a.roll(1, -1), "raft")
    assert flow.shape == (2, 2, 40, 52)
    assert torch.isfinite(flow).all()
    assert not flow.requires_grad
