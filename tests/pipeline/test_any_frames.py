"""Frames of any size and of any light, and frames that have nothing to do with each other."""

import pytest
import torch

from animeinterp import AnimeInterpError, Flow, coarse_flow, interpolate, load_model
from animeinterp.evaluation.metrics import psnr


@pytest.fixture(scope="module")
def bundled():
    return load_model()


def box(x, height=96, width=128, colour=(0.9, 0.2, 0.1)):
    frame = torch.tensor([0.2, 0.5, 0.8]).view(1, 3, 1, 1).expand(1, 3, height, width).clone()
    frame[..., 30:70, x : x + 36] = 0.05
    frame[..., 33:67, x + 3 : x + 33] = torch.tensor(colour).view(1, 3, 1, 1)
    return frame


def shapes(seed, height=96, width=128):
    """A picture of its own: patches of colours that no other seed has where it has them."""
    generator = torch.Generator().manual_seed(seed)
    patches = torch.rand(1, 3, 6, 8, generator=generator)
    return torch.nn.functional.interpolate(patches, (height, width), mode="nearest")


@pytest.mark.parametrize("way", ["none", "bundled"])
@pytest.mark.parametrize("size", [(1, 1), (1, 90), (3, 2), (63, 64), (32, 200)])
@pytest.mark.parametrize("channels", [3, 4])
def test_every_size_from_one_pixel(bundled, way, size, channels):
    torch.manual_seed(0)
    still = torch.rand(1, channels, *size)
    moved = still.roll(1, -1) * 0.9 + 0.05
    clip = torch.cat([still, moved])
    result = interpolate(clip, 3, model=None if way == "none" else bundled)
    assert result.shape == (4, channels, *size)
    assert torch.equal(result[[0, 3]], clip)
    # Blended or carried: nothing is brighter or darker than what it is made of.
    assert result.min() >= clip.min() - 0.1 and result.max() <= clip.max() + 0.1


def test_a_small_sprite_moves_as_in_a_large_picture(bundled):
    clip = torch.cat([box(4, 72, 48), box(8, 72, 48)])
    sprite, whole = clip[..., :48], torch.nn.functional.pad(clip, (0, 16, 0, 0), mode="replicate")
    for model in (None, bundled):
        small, large = (interpolate(x, model=model)[1:2] for x in (sprite, whole))
        assert psnr(small, large[..., :48]) > 40


def test_flows_of_small_frames_are_taken():
    clip = torch.cat([box(4, 72, 48), box(8, 72, 48)])[..., :40]
    flow = coarse_flow(clip[:1], clip[1:])
    assert interpolate(clip, flows=flow, model=None).shape == (3, 3, 72, 40)
    shift = torch.zeros(1, 2, 72, 40)
    shift[:, 0] = 4
    assert interpolate(clip, flows=Flow(shift, -shift), model=None).shape == (3, 3, 72, 40)


def test_the_model_itself_takes_small_frames(bundled):
    frames = torch.cat([box(4, 72, 48), box(8, 72, 48)])[..., :40].split(1)
    flows = bundled.refine(*frames)
    assert [flow.shape for flow in flows] == [(1, 2, 72, 40)] * 2
    assert bundled.synthesize(*frames, *flows, [0.5]).shape == (1, 3, 72, 40)


@pytest.mark.parametrize("way", ["none", "bundled"])
def test_light_brighter_than_white_is_kept(bundled, way):
    model = None if way == "none" else bundled
    bright = torch.cat([box(20, colour=(12.0, 6.0, 0.5)), box(28, colour=(12.0, 6.0, 0.5))])
    result = interpolate(bright, model=model)
    assert torch.equal(result[::2], bright)
    inside = result[1, :, 45:55, 40:48].mean(dim=(1, 2))
    assert torch.allclose(inside, torch.tensor([12.0, 6.0, 0.5]), rtol=0.05)
    # And nothing of the rest is any brighter or darker for it.
    assert torch.allclose(result[1, :, :20], bright[0, :, :20], atol=0.01)


def test_one_bright_frame_among_others():
    clip = torch.cat([box(20), box(24, colour=(5.0, 0.2, 0.1)), box(28)])
    result = interpolate(clip, model=None)
    assert result[0].max() <= 1 and 1 < result[1].max() <= 5 and result[2].max() == 5


def test_darker_than_black_is_kept_too():
    clip = torch.cat([box(20, colour=(-0.3, 0.2, 0.1)), box(28, colour=(-0.3, 0.2, 0.1))])
    assert interpolate(clip, model=None)[1].min() == pytest.approx(-0.3, abs=0.02)


@pytest.mark.parametrize("way", ["none", "bundled"])
def test_between_frames_with_nothing_in_common_the_nearer_is_held(bundled, way):
    clip = torch.cat([shapes(1), shapes(2)])
    result = interpolate(clip, times=[0.25, 0.5, 0.75], model=None if way == "none" else bundled)
    assert torch.equal(result, clip[[0, 0, 1, 1, 1]])


@pytest.mark.parametrize("way", ["none", "bundled"])
def test_a_fade_to_black_is_no_cut(bundled, way):
    clip = torch.cat([shapes(1), torch.zeros(1, 3, 96, 128)])
    middle = interpolate(clip, model=None if way == "none" else bundled)[1]
    assert not torch.equal(middle, clip[0]) and not torch.equal(middle, clip[1])


def test_a_flash_is_no_cut():
    clip = torch.cat([shapes(1) * 0.3, 0.6 + shapes(1) * 0.3])
    middle = interpolate(clip, model=None)[1]
    assert not torch.equal(middle, clip[0]) and not torch.equal(middle, clip[1])


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), 1e9])
@pytest.mark.parametrize("channel", [0, 3])
def test_what_is_no_number_is_refused(bad, channel):
    clip = torch.cat([torch.cat([box(x), torch.ones(1, 1, 96, 128)], 1) for x in (10, 20)])
    clip[1, channel, 5, 5] = bad
    if channel == 3 and bad == 1e9:
        return  # opacity beyond 1 is opaque
    with pytest.raises(AnimeInterpError, match="frame 1 .*(finite|light of up to)"):
        interpolate(clip, model=None)


def test_levels_are_not_taken_for_light():
    with pytest.raises(AnimeInterpError, match="Divide by 255"):
        interpolate((torch.cat([box(10), box(20)]) * 255).round(), model=None)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e6])
def test_a_flow_that_is_none_is_refused(bundled, dtype, bad):
    clip = torch.cat([box(10), box(20)])
    flow = torch.zeros(1, 2, 96, 128, dtype=dtype)
    flow[..., 10:20, 10:20] = bad
    for call in (
        lambda: interpolate(clip, flows=Flow(flow, flow), model=None),
        lambda: bundled.refine(clip[:1], clip[1:], flow, flow),
        lambda: bundled.synthesize(clip[:1], clip[1:], flow, flow, [0.5]),
    ):
        with pytest.raises(AnimeInterpError, match="flow_01 leads"):
            call()
