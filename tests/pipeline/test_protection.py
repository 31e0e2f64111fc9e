"""What is protected is never interpolated: the nearer frame is there, for one mask or one a frame."""

import pytest
import torch

import animeinterp as ai
from animeinterp.errors import AnimeInterpError

HEIGHT, WIDTH = 64, 96


def clip():
    """A disc that travels, and a subtitle that changes from frame to frame."""
    y, x = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    frames = []
    for step in range(3):
        frame = torch.full((3, HEIGHT, WIDTH), 0.9)
        frame[:, (x - 24 - 14 * step) ** 2 + (y - 24) ** 2 < 150] = torch.tensor([0.8, 0.2, 0.2]).view(3, 1)
        frame[:, 50:56, 10 + 8 * step : 40 + 8 * step] = 0.1
        frames.append(frame)
    return torch.stack(frames)


def subtitle():
    mask = torch.zeros(1, HEIGHT, WIDTH)
    mask[:, 48:58] = 1
    return mask


@pytest.mark.parametrize("model", [None, "auto"], ids=["weights-free", "bundled"])
def test_the_nearer_frame_is_shown_where_the_mask_is_set(model):
    frames, kept = clip(), subtitle()[0] > 0
    found = ai.interpolate(frames, 4, model=model, protect=subtitle())
    free = ai.interpolate(frames, 4, model=model)
    for index in range(9):
        near = frames[(index + 2) // 4]
        assert torch.equal(found[index][:, kept], near[:, kept]), index
        assert torch.equal(found[index][:, ~kept], free[index][:, ~kept])
    assert not torch.equal(free[2][:, kept], frames[0][:, kept])


def test_a_mask_for_each_frame_keeps_the_text_of_both():
    frames = clip()
    masks = torch.zeros(3, HEIGHT, WIDTH)
    for step in range(3):
        masks[step, 50:56, 10 + 8 * step : 40 + 8 * step] = 1
    found = ai.interpolate(frames, 2, model=None, protect=masks)
    either = torch.maximum(masks[1], masks[2]) > 0
    assert torch.equal(found[3][:, either], frames[2][:, either])


@pytest.mark.parametrize(
    "mask, complaint",
    [
        (torch.zeros(1, 10, 10), "protect is 10x10 and the frames are 96x64"),
        (torch.zeros(2, HEIGHT, WIDTH), "protect holds 2 masks and there are more frames"),
        (torch.zeros(HEIGHT, WIDTH), r"protect is \(64, 96\); it should be masks"),
    ],
)
def test_other_masks_are_refused(mask, complaint):
    with pytest.raises(AnimeInterpError, match=complaint):
        ai.interpolate(clip(), 2, model=None, protect=mask)
