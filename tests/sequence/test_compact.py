"""A clip's flow and labels come back from their compact form as good as they went in."""

import pytest
import torch

from animeinterp import AnimeInterpError
from animeinterp.flow import CoarseFlow, Flow, Matches
from animeinterp.sequence.compact import ClipFlow, ClipLabels, FixedPoint


@pytest.mark.parametrize("largest", [1e-3, 0.7, 3.0, 31.9, 250.0, 511.0, 700.0, 5000.0])
def test_fixed_point_error_is_under_a_hundredth_of_a_pixel(largest):
    field = (torch.rand(1, 2, 40, 50, generator=torch.Generator().manual_seed(0)) * 2 - 1) * largest
    kept = FixedPoint.of(field)
    assert float((kept.restore() - field).abs().max()) < 0.01
    assert kept.values.element_size() == (2 if largest < 512 else 4)


def test_whole_pixels_and_stillness_come_back_exactly():
    field = torch.randint(-500, 501, (1, 2, 40, 50)).float()
    field[..., :20] = 0
    assert torch.equal(FixedPoint.of(field).restore(), field)
    assert torch.equal(FixedPoint.of(torch.zeros(1, 2, 3, 3)).restore(), torch.zeros(1, 2, 3, 3))


def test_what_is_not_finite_is_refused():
    with pytest.raises(AnimeInterpError, match="not finite"):
        FixedPoint.of(torch.tensor([1.0, float("nan")]))
    with pytest.raises(AnimeInterpError, match="not finite"):
        FixedPoint.of(torch.tensor([1.0, float("inf")]))


@pytest.mark.parametrize("pieces", [1, 900, 70_000])
def test_labels_round_trip(pieces):
    labels = torch.randint(0, pieces, (3, 60, 300), dtype=torch.int32)
    labels[0, 0, 0] = pieces - 1
    clip = ClipLabels(labels)
    assert len(clip) == 3 and clip.size == (60, 300)
    for i in range(3):
        assert torch.equal(clip.frame(i), labels[i : i + 1]) and clip.frame(i).dtype == torch.int32
    assert torch.equal(clip.pair(1), labels[1:])


def test_labels_refuse_other_sizes_and_floats():
    with pytest.raises(AnimeInterpError, match="Label map 1 is 9x8.*one size"):
        ClipLabels([torch.zeros(8, 8, dtype=torch.int32), torch.zeros(8, 9, dtype=torch.int32)])
    with pytest.raises(AnimeInterpError, match="whole numbers"):
        ClipLabels([torch.zeros(8, 8)])


def a_flow(pairs: int, seed: int = 0) -> CoarseFlow:
    g = torch.Generator().manual_seed(seed)
    shape = (pairs, 2, 32, 48)
    return CoarseFlow(
        flow_01=torch.randn(shape, generator=g) * 40,
        flow_10=torch.randn(shape, generator=g) * 40,
        labels=torch.randint(0, 7, (pairs + 1, 32, 48), generator=g, dtype=torch.int32),
        matches=[
            Matches(pieces_0=torch.arange(5), pieces_1=torch.arange(5).flip(0), scores=torch.rand(5, generator=g))
            for _ in range(pairs)
        ],
        motion=[torch.randn(5, 6, generator=g) for _ in range(pairs)],
    )


def test_a_clip_of_coarse_flows_comes_back_pair_by_pair():
    flow = a_flow(3)
    clip = ClipFlow([flow])
    assert len(clip) == 3 and clip.size == (32, 48)
    for i in range(3):
        back, same = clip.pair(i), flow.pair(i)
        assert isinstance(back, CoarseFlow)
        for name in ("flow_01", "flow_10"):
            assert torch.equal(getattr(same, name), getattr(flow, name)[i : i + 1])
            assert float((getattr(back, name) - getattr(same, name)).abs().max()) < 0.01
        assert torch.equal(back.labels, flow.labels[i : i + 2]) and torch.equal(same.labels, back.labels)
        assert torch.equal(back.matches[0].scores, flow.matches[i].scores)
        assert torch.equal(back.matches[0].pieces_1, flow.matches[i].pieces_1)
        assert torch.equal(back.motion[0], flow.motion[i])


def test_what_else_is_known_of_a_flow_comes_back():
    g = torch.Generator().manual_seed(0)
    flow = Flow(*torch.randn(2, 3, 2, 32, 48, generator=g), depth_0=torch.randn(3, 1, 32, 48, generator=g),
                confidence_01=torch.rand(3, 1, 32, 48, generator=g))
    clip = ClipFlow([flow])
    for i in range(3):
        back, same = clip.pair(i), flow.pair(i)
        for name in ("flow_01", "depth_0", "confidence_01"):
            assert torch.equal(getattr(same, name), getattr(flow, name)[i : i + 1])
            assert float((getattr(back, name) - getattr(same, name)).abs().max()) < 0.01
        assert back.depth_1 is None and same.depth_1 is None and back.confidence_10 is None


def test_two_bare_fields_are_enough():
    clip = ClipFlow(Flow(torch.ones(1, 2, 8, 8), -torch.ones(1, 2, 8, 8)) for _ in range(2))
    back = clip.pair(1, dtype=torch.float64)
    assert torch.equal(back.flow_10, -torch.ones(1, 2, 8, 8, dtype=torch.float64))
    assert isinstance(back, Flow) and clip.labels is None


def test_it_is_half_the_memory():
    flow = Flow(torch.randn(4, 2, 64, 64), torch.randn(4, 2, 64, 64))
    assert ClipFlow([flow]).nbytes() * 2 == flow.flow_01.numel() * 4 * 2


def test_labels_of_single_pairs_are_joined_and_a_wrong_number_refused():
    whole = a_flow(2)
    one, two = a_flow(1), a_flow(1, seed=1)
    one.labels, two.labels = whole.labels[:2], whole.labels[1:]
    assert torch.equal(ClipFlow([one, two]).pair(1).labels, whole.labels[1:])
    with pytest.raises(AnimeInterpError, match="holds 2 frames; 2 pairs"):
        ClipFlow([one, two], labels=ClipLabels(whole.labels[:2]))
    small = Flow(torch.zeros(1, 2, 8, 8), torch.zeros(1, 2, 8, 8))
    with pytest.raises(AnimeInterpError, match="pair 1 is 8x8.*48x32"):
        ClipFlow([one, small])
