"""What a figure does over a clip: where its body, head, limbs and face are at any time."""

from __future__ import annotations

import numpy as np

from .body import ARM_POSES, LEG_POSES, BodyDesign
from .geometry import about, chain, rotation, unit
from .motion import Track, calmed


def _signed(rng: np.random.Generator, low: float, high: float) -> float:
    return float(rng.choice([-1, 1]) * rng.uniform(low, high))


class Acting:
    """Seeded tracks of everything that moves; angles in radians. ``framing``: "head", "bust", "full" or "hands"."""

    def __init__(self, rng: np.random.Generator, body: BodyDesign, framing: str) -> None:
        self.body, self.rng = body, rng
        self.head_size = (
            rng.uniform(0.95, 1.12)
            if framing != "full"
            else rng.choice([rng.uniform(1.0, 1.25), rng.uniform(1.4, 1.9)], p=[0.8, 0.2])
        )
        lively = rng.choice([0.35, 1.0, 1.5], p=[0.2, 0.55, 0.25])

        def turn(start: float, by: float, limit: float) -> tuple[float, float]:
            return float(np.clip(start, -limit, limit)), float(np.clip(start + by, -limit, limit))

        big = rng.random() < 0.6
        yaw_by = _signed(rng, 0.35, 1.4 if big else 0.6) * lively
        if framing == "full":
            yaw_by *= 0.6
        start = -yaw_by * rng.uniform(0.1, 0.9) + rng.normal(0, 0.15)
        swing = lambda a: float(rng.choice([0.0, rng.uniform(0.2, 1.0) * a * lively]))  # noqa: E731
        self.head = [
            Track(rng, *turn(start, yaw_by, 1.1), swing=swing(0.08)),
            Track(rng, *turn(rng.normal(0, 0.14), rng.normal(0, 0.22) * lively, 0.5), swing=swing(0.08)),
            Track(rng, *turn(rng.normal(0, 0.1), rng.normal(0, 0.2) * lively, 0.45), swing=swing(0.06)),
        ]
        body_yaw = rng.normal(0, 0.3) + (rng.choice([0, 0, 1.2, -1.2, 2.6]) if framing == "full" else 0)
        most = 2.2 if framing == "full" else 0.9
        spin = float(
            np.clip(rng.choice([0.0, rng.normal(0, 0.35), _signed(rng, 0.8, 2.0)], p=[0.3, 0.5, 0.2]) * lively, -most, most)
        )
        if framing != "full":
            body_yaw -= spin / 2
        self.root = [
            Track(rng, body_yaw, body_yaw + spin),
            Track(rng, *(rng.normal(0, 0.06, 2))),
            Track(rng, *(rng.normal(0, 0.06, 2))),
        ]
        self.chest = [
            Track(rng, *(rng.normal(0, 0.18, 2) * lively)),
            Track(rng, *(rng.normal(0.03, 0.14, 2) * lively), swing=swing(0.05)),
            Track(rng, *(rng.normal(0, 0.1, 2) * lively)),
        ]
        drift = rng.normal(0, 0.16 if framing != "full" else 0.5, 3) * lively
        self.move = Track(rng, -drift / 2, drift / 2)
        self.bob, self.bob_beats = swing(0.06), float(rng.choice([0.5, 1.0, 2.0]))
        self.bob_phase = rng.uniform(0, 6)
        squash = float(rng.choice([0.0, rng.uniform(0.02, 0.07)], p=[0.6, 0.4]))
        self.squash = Track(rng, 0.0, 0.0, swing=squash, beats=rng.uniform(0.5, 1.2))
        self._limbs(framing, lively)
        self._face()
        self.phase = Track(rng, rng.uniform(0, 6), rng.uniform(0, 6) + _signed(rng, 0.5, 4.0))
        self.fall = framing == "full" and rng.random() < 0.12
        if self.fall:
            self.root[1] = Track(rng, 0.0, _signed(rng, 0.6, 1.5))
            self.root[2] = Track(rng, 0.0, _signed(rng, 0.2, 0.8))
        self.camera = [
            Track(rng, *(rng.normal(0, 0.2, 2))),
            Track(rng, *(rng.normal(0.02, 0.12, 2))),
            Track(rng, *(rng.normal(0, 0.07, 2))),
        ]
        self.zoom = Track(rng, 1.0, rng.choice([1.0, rng.uniform(0.85, 1.2)]))
        # Most of a film is small motion: many clips go only a part of the way.
        share = float(rng.choice([0.12, 0.3, 0.55, 0.8, 1.0], p=[0.15, 0.2, 0.25, 0.2, 0.2]))
        limbs = [*self.arms, *self.curl, *self.spread, *self.legs]
        calmed([*self.head, *self.root, *self.chest, self.move, self.phase, self.zoom, *self.camera, *limbs], share)
        self.bob *= share

    def _limbs(self, framing: str, lively: float) -> None:
        rng = self.rng
        names = list(ARM_POSES)
        self.arms, self.curl, self.spread = [], [], []
        raised = rng.random() < (0.45 if framing == "head" else 0.75)
        for _ in range(2):
            first = names[rng.integers(len(names))] if raised else "down"
            second = names[rng.integers(len(names))] if rng.random() < 0.7 else first
            wobble = rng.normal(0, 0.12, (2, 2, 3))
            self.arms.append(Track(rng, np.array(ARM_POSES[first]) + wobble[0], np.array(ARM_POSES[second]) + wobble[1]))
            self.curl.append(Track(rng, rng.uniform(0.02, 0.75), rng.uniform(0.02, 0.75)))
            self.spread.append(Track(rng, rng.uniform(-0.1, 0.8), rng.uniform(-0.1, 0.8)))
        if framing == "hands":
            for i in (0, 1):
                pair = [["chest", "face", "fold", "chin"][rng.integers(4)] for _ in range(2)]
                self.arms[i] = Track(rng, *(np.array(ARM_POSES[name]) + rng.normal(0, 0.1, (2, 3)) for name in pair))
        walking = framing == "full" and rng.random() < 0.45
        legs = list(LEG_POSES)
        self.legs = []
        for i in range(2):
            if walking:
                pair = ("ahead", "behind") if i == 0 else ("behind", "ahead")
            elif framing != "full" or rng.random() < 0.5:
                pair = ("stand", "wide")
            else:
                pair = (legs[rng.integers(len(legs))], legs[rng.integers(len(legs))])
            self.legs.append(Track(rng, *(np.array(LEG_POSES[name]) + rng.normal(0, 0.04, (2, 3)) for name in pair)))
        if walking:
            for i in range(2):
                pair = ("run", "down") if i else ("down", "run")
                self.arms[i] = Track(rng, *(np.array(ARM_POSES[name]) for name in pair))

    def _face(self) -> None:
        rng = self.rng
        blink = rng.choice(["none", "close", "open", "blink", "shut"], p=[0.4, 0.17, 0.17, 0.16, 0.1])
        wide = rng.uniform(0.75, 1.08)
        ends = {"none": (wide, wide), "close": (wide, 0.0), "open": (0.0, wide), "blink": (wide, wide), "shut": (0.0, 0.0)}[blink]
        self.open, self.blink_at = Track(rng, *ends), rng.uniform(0.25, 0.75) if blink == "blink" else None
        self.gaze = Track(rng, rng.uniform(-1, 1, 2) * 0.7, rng.uniform(-1, 1, 2) * 0.7)
        talk = rng.random() < 0.6
        self.mouth = Track(
            rng,
            rng.uniform(0, 0.9) * talk,
            rng.uniform(0, 0.9) * talk,
            swing=0.3 * talk * rng.random(),
            beats=rng.uniform(0.5, 1.6),
        )
        mood = rng.uniform(-0.8, 1.0)
        self.smile, self.round = Track(rng, mood, mood + rng.normal(0, 0.5)), Track(rng, rng.random(), rng.random())
        self.brow, self.frown = Track(rng, *rng.uniform(-0.6, 1.0, 2)), Track(rng, *rng.uniform(-0.6, 0.8, 2))

    def face(self, t: float) -> dict:
        """The face's pose at one time."""
        at = np.array([t])
        opening = float(self.open(at)[0])
        if self.blink_at is not None:
            opening *= 1 - np.exp(-(((t - self.blink_at) / 0.13) ** 2))
        value = {name: float(getattr(self, name)(at)[0]) for name in ("mouth", "smile", "round", "brow", "frown")}
        value["mouth"] = max(value["mouth"], 0.0)
        return {"open": opening, "gaze": self.gaze(at)[0], **value}

    def frames_of(self, times: np.ndarray) -> dict[str, np.ndarray]:
        """Maps (T, 3, 4) from rest to world of ``root`` (hips), ``chest`` and ``head`` at times (T,)."""
        t = np.asarray(times, float)
        move = self.move(t)
        move[:, 1] += self.bob * np.sin(self.bob_phase + 2 * np.pi * self.bob_beats * t)
        move[:, 1] += self.grounding(t)
        root = about(np.array([0.0, -2.0, -0.05]), rotation(*(track(t) for track in self.root)), move)
        chest = chain(root, about(np.array([0.0, -1.55, -0.03]), rotation(*(track(t) for track in self.chest))))
        turn = rotation(*(track(t) for track in self.head)) * self.head_size
        squash = self.squash(t)[:, None]
        turn = turn * np.stack([1 - 0.5 * squash, 1 + squash, 1 - 0.5 * squash], -1)  # the head's own axes: rounder or taller
        head = chain(chest, about(np.array([0.0, -0.58, -0.1]), turn))
        return {"root": root, "chest": chest, "head": head}

    def grounding(self, t: np.ndarray) -> np.ndarray:
        """How far (T,) the hips sink for the lower foot to stay on the floor."""
        low = np.stack([(unit(track(t))[..., 1] * self.body.leg).sum(-1) for track in self.legs]).min(0)
        return -self.body.leg.sum() - low
