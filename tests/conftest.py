"""Shared by all tests: one thread, so that results do not depend on the machine and a busy one does not stall them."""

import torch

torch.set_num_threads(1)
