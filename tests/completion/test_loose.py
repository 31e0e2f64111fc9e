"""What is too thin or too small to be a piece moves: snow as a swarm, a blade about its root. Drawn here, no two alike."""

import cv2
import numpy as np
import pytest
import torch

import animeinterp as ai
from animeinterp import coarse_flow
from animeinterp.completion import complete
from animeinterp.completion.loose import lay_over
from animeinterp.completion.things import Things
from animeinterp.matching.features import piece_moments

WIDTH, HEIGHT, TURN = 320, 180, 16  # ``TURN``: parts of a pixel that OpenCV draws by


def houses(seed: int) -> np.ndarray:
    """A street of outlined houses with windows, (H, W, 3) uint8."""
    rng = np.random.default_rng(seed)
    image = np.full((HEIGHT, WIDTH, 3), rng.integers(110, 200, 3), np.uint8)
    cv2.rectangle(image, (0, 125), (WIDTH, HEIGHT), rng.integers(60, 140, 3).tolist(), -1)
    for x in range(12, WIDTH, 80):
        top = int(rng.integers(50, 95))
        cv2.rectangle(image, (x, top), (x + 54, 125), rng.integers(90, 200, 3).tolist(), -1)
        cv2.rectangle(image, (x, top), (x + 54, 125), (20, 20, 30), 2)
        cv2.rectangle(image, (x + 12, top + 10), (x + 24, top + 22), (90, 190, 200), -1)
    return image


def as_frame(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255


def at_half(draw) -> tuple[np.ndarray, np.ndarray]:
    """What is drawn half-way between ``draw(0)`` and ``draw(1)``, and what belongs there."""
    frames = torch.cat([as_frame(draw(t)) for t in (0, 1)])
    drawn = ai.interpolate(frames, times=[0.5], model=None)[1]
    return drawn.mul(255).permute(1, 2, 0).numpy(), draw(0.5).astype(np.float32)


def flakes(seed: int) -> np.ndarray:
    """Places (N, 2) x, y and radii of flakes, in the frame and around it, none on another: (N, 3)."""
    rng, found = np.random.default_rng(seed), np.empty((0, 3))
    for x, y, radius in rng.uniform((-40, -40, 2.2), (WIDTH + 40, HEIGHT + 40, 3.4), (90, 3)):
        if not len(found) or np.hypot(found[:, 0] - x, found[:, 1] - y).min() > 14:
            found = np.append(found, [[x, y, radius]], axis=0)
    return found


@pytest.mark.parametrize(
    "seed, shift, colour",
    [(1, (-8, 20), (255, 255, 255)), (2, (26, 6), (255, 250, 235)), (3, (-5, -18), (40, 20, 170))],
    ids=["snow that falls", "snow in a wind", "sparks that rise"],
)
def test_every_flake_of_a_swarm_is_half_way(seed, shift, colour):
    places = flakes(seed)

    def draw(t):
        image = houses(seed)
        for x, y, radius in places:
            at = (round((x + shift[0] * t) * TURN), round((y + shift[1] * t) * TURN))
            cv2.circle(image, at, round(radius * TURN), colour, -1, cv2.LINE_AA, 4)
        return image

    drawn, true = at_half(draw)
    frames = [as_frame(draw(t)) for t in (0, 1)]
    flow = complete(*frames, coarse_flow(*frames))
    for k, loose in enumerate((flow.loose_0, flow.loose_1)):  # they are told from all else
        flakes_of = np.abs(draw(k).astype(int) - houses(seed)).max(axis=2) > 60
        assert loose.shape == (1, 1, HEIGHT, WIDTH) and set(loose.unique().tolist()) == {0.0, 1.0}
        assert loose[0, 0].numpy()[flakes_of].mean() > 0.6 and loose[0, 0].numpy()[~flakes_of].mean() < 0.05

    middle = np.round(places[:, :2] + np.array(shift) / 2).astype(int)
    inside = ((middle > 3) & (middle < (WIDTH - 4, HEIGHT - 4))).all(axis=1)
    x, y = middle[inside].T
    there = np.abs(drawn[y, x] - colour).sum(axis=1) < 120
    assert inside.sum() > 30 and there.mean() > 0.85  # those that leave and those that come too


@pytest.mark.parametrize("seed, turn, length", [(4, 24, 90), (5, -32, 70), (6, 14, 110)])
def test_a_blade_turns_about_its_root(seed, turn, length):
    rng = np.random.default_rng(seed)
    ground, fill, root = rng.integers(150, 230, 3), rng.integers(150, 250, 3).tolist(), np.array((160.0, 140.0))

    def draw(t):
        image = np.full((HEIGHT, WIDTH, 3), ground, np.uint8)
        angle = np.deg2rad(-100 + turn * t)
        along = np.array((np.cos(angle), np.sin(angle)))
        across = 4 * np.array((-along[1], along[0]))
        wide, tip = root + 0.85 * length * along, root + length * along
        shape = np.round(np.array([root + 8 * along, wide - across, tip, wide + across]) * TURN).astype(np.int32)
        cv2.fillPoly(image, [shape], fill, cv2.LINE_AA, 4)
        cv2.polylines(image, [shape], True, (20, 15, 25), 2, cv2.LINE_AA, 4)
        cv2.circle(image, root.astype(int).tolist(), 12, (50, 60, 170), -1, cv2.LINE_AA)
        return image

    drawn, true = at_half(draw)
    blade = (np.abs(draw(0.5).astype(int) - ground).max(axis=2) > 10) & (np.arange(HEIGHT)[:, None] < 125)
    off = np.abs(drawn - true).mean(axis=2)[blade]
    assert np.sqrt((off**2).mean()) < 25


def loose(labels: np.ndarray, motion: list) -> Things:
    """Things of a frame, of which the first moves by ``motion`` (6,)."""
    moments = piece_moments(torch.from_numpy(labels), 2).numpy()
    none, moves = np.zeros(labels.shape, np.float32), np.array([False, True])
    motions = np.array([[0] * 6, motion], np.float32)
    return Things(none, labels, labels, moments, np.zeros((2, 3)), np.ones(2), motions, moves, np.zeros(2, bool))


@pytest.mark.parametrize("turn, way", [(40, (36, 0)), (-36, (-40, 8)), (50, (0, 0))])
def test_an_arm_turns_about_a_shoulder_that_moves(turn, way):
    """The shoulder goes straight with its body, and not on the arc about the point that the turn and the way have together."""
    shoulder, body = (160, 100), np.s_[100:140, 140:180]
    image, labels = np.full((HEIGHT, WIDTH, 3), 230, np.uint8), np.zeros((HEIGHT, WIDTH), np.int32)
    image[body] = 40  # its upper edge is the line that the arm is hinged to
    cv2.line(labels, shoulder, (160, 40), 1, 3)
    image[labels > 0] = 0
    field = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    field[95:145, 135:185] = way

    def turned(x, y, degrees, share):
        """Where a point of the arm is when the arm has turned by so much, and the body has gone a share of its way."""
        c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
        dx, dy = x - shoulder[0], y - shoulder[1]
        return np.array([c * dx - s * dy, s * dx + c * dy]) + shoulder + share * np.array(way)

    c, s = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    things = loose(labels, [0, 0, c - 1, -s, s, c - 1])
    things.motion[1, :2] = turned(*things.centres[1], turn, 1) - things.centres[1]
    bend = np.zeros_like(field)
    lay_over([things, loose(0 * labels, [0] * 6)], 0, [image, image], np.zeros_like(field), field, bend)
    for y in (42, 60, 90):
        half = np.array((160, y)) + field[y, 160] / 2 + bend[y, 160]
        assert np.abs(half - turned(160, y, turn / 2, 0.5)).max() < 0.5


def test_what_does_not_move_alike_is_no_swarm():
    """Flakes that each go their own way are not swept along with one another."""
    rng, places = np.random.default_rng(7), flakes(7)
    ways = rng.uniform(-24, 24, (len(places), 2))

    def draw(t):
        image = houses(7)
        for (x, y, radius), way in zip(places, ways, strict=True):
            at = (round((x + way[0] * t) * TURN), round((y + way[1] * t) * TURN))
            cv2.circle(image, at, round(radius * TURN), (255, 255, 255), -1, cv2.LINE_AA, 4)
        return image

    drawn, true = at_half(draw)
    blend = (draw(0).astype(np.float32) + draw(1)) / 2
    assert np.square(drawn - true).mean() < 1.25 * np.square(blend - true).mean()
