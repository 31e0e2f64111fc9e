"""The lines of one thing turn by different angles. Drawn here: two that spread from a point, as an arm's from a shoulder."""

import cv2
import numpy as np
import pytest
import torch

from animeinterp.completion.config import DEFAULT
from animeinterp.completion.motion import inverse, moved_centre, similarity
from animeinterp.completion.registration import FrameWithBounds
from animeinterp.completion.strokes import part_strokes
from animeinterp.completion.things import Things
from animeinterp.matching.features import piece_moments

HEIGHT, WIDTH, LONG, SHOULDER = 160, 220, 90, np.array([60.0, 80.0])


def lines(*degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Lines from the shoulder at these angles: the picture (H, W, 3) uint8, and which of its pixels are theirs (H, W) int32."""
    image = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    for angle in np.deg2rad(degrees):
        along = np.array([np.cos(angle), np.sin(angle)])
        ends = [np.round((SHOULDER + far * along) * 16).astype(int).tolist() for far in (8, LONG)]
        cv2.line(image, *ends, (20, 20, 30), 2, cv2.LINE_AA, 4)
    return image, (image.min(2) < 200).astype(np.int32)


def thing(labels: np.ndarray) -> Things:
    moments = piece_moments(torch.from_numpy(labels), 2).numpy()
    none, moves = np.zeros(labels.shape, np.float32), np.array([False, True])
    return Things(none, labels, labels, moments, np.zeros((2, 3)), np.ones(2), np.zeros((2, 6), np.float32), moves, ~moves)


def parted(first: tuple[float, ...], second: tuple[float, ...], turn: float) -> tuple[Things, Things]:
    """What becomes of two things of such lines that turn by ``turn`` about the shoulder, as was found so far."""
    (image0, labels0), (image1, labels1) = lines(*first), lines(*second)
    things = thing(labels0), thing(labels1)
    about = similarity(np.zeros((1, 2)), np.array([np.deg2rad(turn)]), np.ones(1)), SHOULDER[None]
    for one, (way, hub) in zip(things, (about, inverse(*about)), strict=True):
        one.motion[1] = moved_centre(way, hub, one.centres[1:2])[0]
    seen = [FrameWithBounds.of(image) for image in (image0, image1)]
    grounds = [np.zeros((HEIGHT, WIDTH, 2), np.float32)] * 2
    return part_strokes(things, [(1, 1)], seen, grounds, DEFAULT)


def ends(things: Things, degrees: float) -> np.ndarray:
    """Where the far end of the line at this angle goes."""
    angle = np.deg2rad(degrees)
    x, y = np.round(SHOULDER + (LONG - 2) * np.array([np.cos(angle), np.sin(angle)])).astype(int)
    n = things.labels[y, x]
    m, (dx, dy) = things.motion[n], (x, y) - things.centres[n]
    return np.array([x + m[0] + m[2] * dx + m[3] * dy, y + m[1] + m[4] * dx + m[5] * dy])


@pytest.mark.parametrize("first, second, turn", [((-20, 0), (15, 25), 25), ((10, 35), (-40, -25), -60)])
def test_a_line_that_the_thing_leaves_off_turns_by_itself(first, second, turn):
    """One of the two lines is laid by the thing's motion; the other is ten degrees off by it."""
    for things, own, other in zip(parted(first, second, turn), (first, second), (second, first), strict=True):
        assert len(things.moves) == 3 and things.moves[2]
        for angle, to in zip(own, other, strict=True):
            place = np.deg2rad(to)
            true = SHOULDER + (LONG - 2) * np.array([np.cos(place), np.sin(place)])
            assert np.linalg.norm(ends(things, angle) - true) < 4


def test_a_thing_that_turns_as_one_is_left_whole():
    for things in parted((-20, 0), (10, 30), 30):
        assert len(things.moves) == 2
