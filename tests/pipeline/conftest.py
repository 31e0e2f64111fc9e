"""What the pipeline's tests share: a clip, a model, the two ways."""

import pytest
import torch
from drawings import drawing

from animeinterp.config import RefineConfig
from animeinterp.model import ModelConfig, build


@pytest.fixture
def clip():
    return torch.cat([drawing(x) for x in (30, 42, 52)])


@pytest.fixture(scope="module")
def model():
    """Random weights that paint something else than grey, and leave the coarse flow as it is but for its size."""
    torch.manual_seed(0)
    model = build(ModelConfig(refine=RefineConfig(iterations=2, doubled_start=False))).eval()
    with torch.no_grad():
        model.refinement.update.flow2.weight.zero_()
        model.refinement.update.flow2.bias.zero_()
        model.synthesis.grid.tail[-1].bias.fill_(0.5)
        model.synthesis.grid.tail[-1].weight.mul_(20)
    return model


@pytest.fixture(params=["weights-free", "model"])
def way(request, model):
    return None if request.param == "weights-free" else model
