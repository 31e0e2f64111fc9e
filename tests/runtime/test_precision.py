"""Convolutions in bfloat16 on a CPU that has it: the frames are the same but for what nobody sees, and training is untouched."""

import math

import pytest
import torch
from torch.nn import functional as F

from animeinterp.evaluation.ways import draw_pair
from animeinterp.pipeline import interpolate
from animeinterp.runtime import precision
from animeinterp.synthesis.activation import prelu
from animeinterp.weights import bundled_models, load_model


# Of cut-outs that are drawn both ways, a place may be taken from the other in-between: it differs more, there.
@pytest.mark.parametrize("drawings, least", [("anew", 45), ("cutouts", 35)])
@pytest.mark.parametrize("weights", bundled_models(), ids=lambda path: path.stem)
def test_frames_stay_as_they_are_in_float32(weights, drawings, least, monkeypatch):
    model, frames, made = load_model(weights), draw_pair((180, 320), drawings), []
    for pays in (False, True):
        monkeypatch.setattr(precision, "bfloat16_pays", lambda pays=pays: pays)
        made.append(interpolate(frames, model=model)[1:2])
    off = (made[0] - made[1]).square().mean().item()
    assert off > 0, "nothing was done in bfloat16"
    assert -10 * math.log10(off) > least


def test_who_trains_says_himself_what_he_wants(monkeypatch):
    monkeypatch.setattr(precision, "bfloat16_pays", lambda: True)
    layer, frame = torch.nn.Conv2d(3, 4, 3), torch.rand(1, 3, 8, 8)
    cpu = torch.device("cpu")
    with precision.fast_convolutions(cpu, torch.float32):
        assert layer(frame).dtype == torch.float32
    with torch.no_grad():
        with precision.fast_convolutions(cpu, torch.float32):
            assert layer(frame).dtype == torch.bfloat16
        with precision.fast_convolutions(cpu, torch.float64):
            assert layer.double()(frame.double()).dtype == torch.float64


def test_what_pays_is_measured_once(monkeypatch):
    precision.decide(None)
    precision._measured.cache_clear()
    answer = precision.bfloat16_pays()
    monkeypatch.setattr(torch.nn, "Conv2d", None)  # it would be missed
    assert precision.bfloat16_pays() is answer


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_activation_is_torchs_own(layout, dtype):
    x = torch.randn(2, 24, 9, 14, generator=torch.Generator().manual_seed(0)).to(dtype).contiguous(memory_format=layout)
    weight = torch.rand(24, generator=torch.Generator().manual_seed(1))
    assert torch.equal(prelu(x, weight), F.prelu(x, weight.to(dtype)))
    assert prelu(x, weight).is_contiguous(memory_format=layout)
