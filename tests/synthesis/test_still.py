"""What is still is held, but where something that can be seen passes over it, in front."""

import pytest
import torch

from animeinterp.flow import Flow
from animeinterp.synthesis.still import StillColours, Stillness, still_pixels

HEIGHT, WIDTH = 40, 60
GROUND, MOVER = 0.5, 0.9
BEGIN, WAY = slice(8, 14), 24  # columns of what moves, and how far
ROWS = slice(12, 24)


def scene(colour=MOVER):
    """Two frames of ground over which something moves to the right, and their flow."""
    frames, fields = [], []
    for k in (0, 1):
        shift = k * WAY
        there = slice(BEGIN.start + shift, BEGIN.stop + shift)
        frame, field = torch.full((1, 3, HEIGHT, WIDTH), GROUND), torch.zeros(1, 2, HEIGHT, WIDTH)
        frame[..., ROWS, there] = colour
        field[:, 0, ROWS, there] = WAY * (1 - 2 * k)
        frames.append(frame)
        fields.append(field)
    return frames, Flow(*fields)


def moved(time):
    return slice(round(BEGIN.start + time * WAY), round(BEGIN.stop + time * WAY))


@pytest.mark.parametrize("time", [0.25, 0.5, 0.75])
def test_ground_is_held_but_where_something_passes(time):
    frames, flow = scene()
    held = Stillness(*frames, flow).held(time)[0, 0]
    assert not held[ROWS, moved(time)].any()
    assert held[:8].all() and held[28:].all() and held[:, 54:].all()
    ends = [slice(BEGIN.start + k * WAY, BEGIN.stop + k * WAY) for k in (0, 1)]
    assert not held[ROWS, ends[0]].any() and not held[ROWS, ends[1]].any()  # what changes is never held


def test_what_passes_downwards_does_so_too():
    frames, flow = scene()
    turned = [frame.transpose(2, 3) for frame in frames]
    fields = [field.transpose(2, 3).flip(1) for field in (flow.flow_01, flow.flow_10)]  # along y what was along x
    held = Stillness(*turned, Flow(*fields)).held(0.5)
    assert torch.equal(held, Stillness(*frames, flow).held(0.5).transpose(2, 3))


@pytest.mark.parametrize("time", [0.25, 0.5])
def test_what_turns_passes_on_its_arc(time):
    """It is where its bend puts it, off the straight way."""
    frames, flow = scene()
    bends = [torch.zeros(1, 2, HEIGHT, WIDTH) for _ in range(2)]
    for k in (0, 1):
        bends[k][:, 1, ROWS, slice(BEGIN.start + k * WAY, BEGIN.stop + k * WAY)] = 16.0
    held = Stillness(*frames, Flow(flow.flow_01, flow.flow_10, bend_01=bends[0], bend_10=bends[1])).held(time)[0, 0]
    off = round(4 * time * (1 - time) * 16)
    assert not held[slice(ROWS.start + off, ROWS.stop + off), moved(time)].any()
    assert held[slice(ROWS.start, ROWS.start + off - 2), slice(BEGIN.stop + 1, moved(time).stop)].all()


def test_what_only_the_second_frame_s_flow_knows_of_passes_too():
    """A thing that comes in from where the first frame shows nothing of it."""
    frame0 = torch.full((1, 3, 32, 64), 0.5)
    frame1 = frame0.clone()
    frame1[..., 12:20, 40:48] = 0.9
    none, back = torch.zeros(1, 2, 32, 64), torch.zeros(1, 2, 32, 64)
    back[:, 0, 12:20, 40:48] = -24.0
    held = Stillness(frame0, frame1, Flow(none, back)).held(0.5)
    assert not held[..., 12:20, 28:36].any() and held[..., 12:20, 8:16].all()


@pytest.mark.parametrize(("levels", "held_there"), [(1, True), (3, False)])
def test_what_cannot_be_told_from_the_ground_is_no_passer(levels, held_there):
    frames, flow = scene(GROUND + levels / 255)
    between = (ROWS, slice(22, 28))  # where it is half-way
    assert bool(Stillness(*frames, flow).held(0.5)[0, 0][between].all()) == held_there


def test_what_is_said_to_move_and_lands_where_it_was_stands_still():
    """Networks give small motions to what stands still, texture or not."""
    frame = torch.rand(1, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0))
    field = torch.full((1, 2, HEIGHT, WIDTH), 0.8)
    assert Stillness(frame, frame.clone(), Flow(field, -field)).held(0.5).all()


def test_held_pixels_are_the_frames_own_and_others_what_was_drawn():
    frames, flow = scene()
    painted = torch.full((1, 3, HEIGHT, WIDTH), 0.1)
    still = Stillness(*frames, flow)
    drawn, held = still.hold(painted, 0.5), still.held(0.5).expand(1, 3, -1, -1)
    assert (drawn[held] == GROUND).all() and (drawn[~held] == painted[~held]).all()


def test_without_a_flow_what_was_drawn_otherwise_tells_that_something_passes():
    frames, _ = scene()
    painted = torch.full((1, 3, HEIGHT, WIDTH), GROUND + 4 / 255)  # a network is off by a few levels
    painted[..., ROWS, 22:28] = MOVER
    drawn = StillColours(*frames).hold(painted, 0.5)
    assert (drawn[..., ROWS, 22:28] == MOVER).all() and (drawn[..., :8, :] == GROUND).all()
    assert (drawn[..., ROWS, 20:22] == painted[..., ROWS, 20:22]).all()  # and a margin around it


def test_hidden_colours_do_not_count_and_a_level_is_no_change():
    one = torch.full((1, 4, 4, 4), 0.5)
    one[:, 3] = 0
    other = one.clone()
    other[:, :3] = 0.9
    assert still_pixels(one, other).all()
    one[:, 3] = other[:, 3] = 1
    assert not still_pixels(one, other).any()
    assert still_pixels(one[:, :3], one[:, :3] + 1 / 255).all() and not still_pixels(one[:, :3], one[:, :3] + 2 / 255).any()
