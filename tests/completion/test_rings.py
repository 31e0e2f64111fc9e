"""Pieces around a hub turn as one. Drawn here: petals about a flower's middle, with a mark that tells how far they turned."""

import cv2
import numpy as np
import pytest
import torch

import animeinterp as ai
from animeinterp.completion import complete
from animeinterp.stages import Stages

SIZE, HUB, FAR = 200, (100.0, 96.0), 52


def petals(angle: float, count: int = 5, *, mark: bool = True, hub=HUB, apart=0.0) -> torch.Tensor:
    """A flower turned by ``angle``, (1, 3, SIZE, SIZE); ``apart``: how far each petal is off to the side by itself."""
    image = np.full((SIZE, SIZE, 3), (235, 228, 205), np.uint8)
    for n in range(count):
        along = 0.3 + angle + n * 2 * np.pi / count
        at = np.array(hub) + FAR * np.array([np.cos(along), np.sin(along)])
        at += apart * np.array([(-1) ** n, (-1) ** (n // 2)])
        box = (at.tolist(), (56.0, 22.0), float(np.degrees(along)))
        cv2.ellipse(image, box, (70, 110, 190), -1, cv2.LINE_AA)
        cv2.ellipse(image, box, (20, 20, 30), 2, cv2.LINE_AA)
    if mark:
        at = marked(angle, count, hub)
        cv2.circle(image, np.round(at).astype(int).tolist(), 9, (60, 40, 210), -1, cv2.LINE_AA)
        cv2.circle(image, np.round(at).astype(int).tolist(), 9, (20, 20, 30), 2, cv2.LINE_AA)
    return torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255


def marked(angle: float, count: int, hub=HUB) -> np.ndarray:
    along = 0.3 + angle + np.pi / count
    return np.array(hub) + FAR * np.array([np.cos(along), np.sin(along)])


def found(frame0: torch.Tensor, frame1: torch.Tensor) -> np.ndarray:
    """The flow from the first to the second, (H, W, 2)."""
    stages = Stages(None)
    pair = ai.frames.FramePair(stages.load(frame0), stages.load(frame1))
    return complete(frame0, frame1, stages.match(pair)).flow_01[0].permute(1, 2, 0).numpy()


def petal(n: int, angle: float, count: int, hub=HUB) -> np.ndarray:
    along = 0.3 + angle + n * 2 * np.pi / count
    return np.array(hub) + FAR * np.array([np.cos(along), np.sin(along)])


def off(flow: np.ndarray, count: int, turn: float, hub=HUB) -> float:
    """How far the middles of petals land from where a ``turn`` takes them, in pixels: the worst."""
    begin = [petal(n, 0, count) for n in range(count)]
    end = [petal(n, turn, count, hub) for n in range(count)]
    return max(np.linalg.norm(p + flow[round(p[1]), round(p[0])] - q) for p, q in zip(begin, end, strict=True))


@pytest.mark.parametrize("count, degrees", [(5, 42), (5, -44), (6, 36), (4, -50)])
def test_a_mark_tells_that_petals_turned_by_more_than_half_a_step(count, degrees):
    turn = np.radians(degrees)
    assert off(found(petals(0, count), petals(turn, count)), count, turn) < 2


@pytest.mark.parametrize("count, degrees", [(5, 30), (6, -25)])
def test_petals_alike_go_the_shorter_way_as_one(count, degrees):
    turn = np.radians(degrees)
    flow = found(petals(0, count, mark=False), petals(turn, count, mark=False, hub=(107, 93)))
    assert off(flow, count, turn, (107, 93)) < 2


def test_petals_that_go_their_own_ways_are_no_ring():
    """Each moves off by itself: one turn explains none of them."""
    flow = found(petals(0), petals(0, apart=7.0))
    for n in range(5):
        x, y = petal(n, 0, 5)
        assert np.abs(flow[round(y), round(x)] - 7.0 * np.array([(-1) ** n, (-1) ** (n // 2)])).max() < 2
