"""The numbers of the blend and of what is held still, each with its unit and what it is for.

Where nothing else is said, a number was chosen by hand on this project's own drawn clips (``datasets/clips.py`` and the tuning
seeds of the generator) at 640x360, by the frames that come of it. Colour differences are in 0..1, summed over the channels.
``python -m animeinterp.evaluation.ablate`` halves and doubles each of them on clips of your own, and switches some off.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BlendConfig:
    """Of the weights-free in-between (``blend``). Lengths are in pixels."""

    depth_gain: float = 2.0  # of the metric, a unit of depth
    motion_alike: float = 4.0  # by which motions around differ: up to this no order in depth counts, ...
    motion_apart: float = 12.0  # ... from this on all of it does
    motion_mixed: float = 2.0  # that a motion may be off the mean of those that land there, to be mixed with them; ...
    motion_strays: float = 8.0  # ... one that is off by so much more counts 1/e
    unlike: float = 50.0 / 255  # colour difference at which a pixel counts 1/e
    least_weight: float = 1e-4  # what a pixel counts that looks like nothing at its target: it may be all there is
    stray: float = 0.6  # colour difference: a pixel more unlike than this that also stands out from what is around it ...
    surroundings: int = 15  # ... so far is a line that was left behind
    sharp: float = 400.0 / 255  # colour difference of what was splatted to what is read, up to which the reading is believed
    window: int = 5  # over which likeness is averaged and the shares of the two frames are evened out
    contrast: float = 0.1  # colour difference from which the two frames disagree about a pixel
    # Where two in-betweens differ by so much in colour or in motion (from frame to frame), in the mean over a window, the second
    # counts 1/e of what it could; over ``opinion_farthest`` they have nothing to do with each other.
    opinion_colour: float = 0.6
    opinion_motion: float = 4.0
    opinion_farthest: float = 16.0
    opinion_window: int = 7


@dataclass(frozen=True)
class StillConfig:
    """Of what is held where nothing moves (``still``). Differences are of one channel, in 0..1."""

    same: float = 1.25 / 255  # one level of 8 bits, and what half precision makes of it
    unlike: float = 8 / 255  # from which what a network drew is not what stands still
    margin: int = 2  # pixels around where something passes


@dataclass(frozen=True)
class BackdropConfig:
    """Of what is known to stand still, or to go by as the camera moves (``backdrop``).

    Chosen by hand, by eye on frames of films (README tells how blind judges found what came of it); what for, as known motions
    before known backdrops, ``tests/synthesis/test_backdrop.py`` holds. Differences are of colours in 0..1; lengths are in pixels
    of the smaller picture in which all is decided, but for ``soft`` and ``inwards``.
    """

    most: int = 320  # pixels of that picture's longer side
    least: float = 0.06  # of the frame: with less that stands still, nothing is known of a backdrop
    around: int = 3  # to each side that are compared
    texture: float = 0.006  # standard deviation, summed over colours, from which on a place has texture
    still: float = 0.35  # difference to standard deviation, up to which two textures are one that stands still
    fits: float = 0.45  # ... up to which two are one that moved
    doubted: float = 0.15  # of the standard deviation, under either, from which on it is sure
    same: float = 0.03  # difference of a pixel, up to which it may be the same
    slack: int = 2  # by which a line that is drawn anew may be off
    moves: float = 2 / 960  # of the longer side, from one drawing to the other, from which on something moves
    outlined: float = 0.02  # standard deviation, from which on what moves tells where the figure is
    rounds: int = 2  # of GrabCut
    soft: float = 1 / 480  # of the longer side, over which what is drawn and the backdrop go over into one another
    inwards: float = 1 / 160  # of the longer side, from a figure's edge to where it is sure that it is one
    surely_still: float = 0.6  # of 0..1: what is still so far is backdrop from the first, ...
    surely_moves: float = 0.5  # ... and what moves so far is figure
    colours: int = 16  # levels of a channel, by which colours of figure and backdrop are told apart at first
    fewest: int = 50  # pixels of either side, without which there are no colours to tell them by
    hole: float = 0.004  # of the frame, under which what is seen of a backdrop is not believed
    proven: float = 0.02  # of what is seen of a backdrop in one piece, that stands still surely, or it is not believed
    camera: float = 0.02  # of the frame, by which a camera that moves has to explain more than one that does not
    camera_samples: int = 100  # places along the longer side by whose motion it is found
    camera_rim: float = 1 / 12  # of either side, around the frame: where it begins, when a figure fills the middle
    camera_off: tuple[float, ...] = (0.02, 0.01, 0.006, 0.004, 0.003, 0.002)  # of the longer side, beyond which a place is no
    # part of it, round by round
    camera_agree: float = 0.05  # of the places, at least, that agree on it
    camera_moves: float = 0.3  # pixels: a camera by which no place moves farther stands still


@dataclass(frozen=True)
class MotionSplattingConfig:
    """Of a flow carried to the time between (``motion_splatting``), as the network at t was trained to begin with it.

    Chosen by hand before the training; other numbers would be another input than it learned from.
    """

    unlike: float = 12.0  # of the metric, a unit of colour difference
    depth_gain: float = 2.0  # of the metric, a unit of depth
    agreed: float = 2.0  # pixels of the full size, and ...
    agreed_share: float = 0.1  # ... of the motion besides, by which the way there and back may miss: believed by 1/e
    covered: float = 0.2  # of a place: where less lands, nothing is known


@dataclass(frozen=True)
class IsolationConfig:
    """Of the figures by themselves (``isolation``). Chosen by eye on frames of films, as those of ``BackdropConfig``."""

    rounds: int = 2  # of telling figures from their backdrop and looking for their motion: the second tells them better
    iterations: int = 3  # at most, in the smallest picture: alone, a figure is found in fewer than with all that is around it
    gap: float = 0.015  # of the longer side, between parts of a figure that is taken as one
    hole: float = 0.02  # of the frame, under which a hole in a figure is the figure's
    crumb: float = 0.005  # of the frame, under which a figure is none
    matched: float = 0.25  # share of a figure, from which the other drawing has one where it is led to
    around: int = 1  # pixels of the motion, at 1/4, that a figure's motion goes beyond it
    beyond: float = 0.02  # of the longer side, that something may leave the frame by
    window: float = 0.05  # of the longer side, to each side of a place, over which readings are compared
    better: float = 0.1  # share by which those of figures by themselves have to agree better; by twice that they are taken whole
    least: float = 1e-3  # mean difference of colours in 0..1, under which readings agree as well as they can


@dataclass(frozen=True)
class PaintingConfig:
    """Of how two drawings are shared along a motion half-way (``painting``). Pixels are of the motion's, at 1/4 of the size.

    Chosen by hand, by eye on frames of films, and on the blind verdicts that README tells of: ``lead``, ``claim`` so that lines
    are drawn once and nothing that was uncovered is filled by its neighbour, the two ``within`` so that hands before a body are
    whole (``tests/synthesis/test_backdrop.py``).
    """

    decided: float = 2.0  # times, that the mask's logit is more decided where a drawing leads
    lead: float = 3.5  # the logit by which it does
    # Both within a figure that both drawings show there: a hand that moved too far to be found is drawn where the leading
    # drawing has it, and whole. The mask, which sees it in one drawing and cloth in the other, would cut it off.
    decided_within: float = 1.0
    lead_within: float = 8.0
    claim: float = 3.0  # of that logit, a unit of the logarithm of how far a place is claimed by others
    unlike: float = 30.0  # of the logarithm of a claim, a unit of colour difference, in the mean over channels
    least: float = 1e-3  # that a claim is worth
    unlike_around: int = 2  # pixels to each side over which that difference is averaged, ...
    claim_around: int = 1  # ... and over which claims are
    path_steps: int = 4  # in which the place half-way is found that arrives at a place of another time: after three none moved


@dataclass(frozen=True)
class StretchingConfig:
    """Of where two readings have nothing in common (``stretching``). Chosen by hand, by eye: eyes that open are no blots."""

    hardly_alike: float = 0.12  # colour difference, in the mean of channels: from there on places hang together as a part, ...
    nothing_alike: float = 0.22  # ... and its mean, from which on they have nothing in common in that
    stretched: float = 0.2  # of the logarithm of the area, by which one is stretched more than the other
    less_stretched: float = 20.0  # the logit by which that is led by the other


@dataclass(frozen=True)
class SmoothConfig:
    """Of the smooth in-between without a network (``smooth``), chosen by hand on frames of films. Lengths are in pixels."""

    even: float = 2.0  # of the motion, at 1/4 of the size, that it is blurred by
    rounds: int = 3  # of bringing the readings together
    together: float = 4.0  # that what brings them together is blurred by


@dataclass(frozen=True)
class AligningConfig:
    """Of one in-between moved onto another (``aligning``). Chosen by what public clips gain, and looked at."""

    compared: int = 4  # pixels to each side, over which the two are compared
    least: float = 0.01  # difference of colours that counts as none
    better: float = 0.5  # share of the difference that has to go for a shift to be believed wholly
    farthest: float = 0.01  # of the longer side, up to which a shift is believed; from twice as far on it is not
    alike: float = 0.04  # difference of colours that may stay; from twice as much on it is not believed
    even: int = 1  # pixels of the shift, at 1/4, to each side, that it is averaged over
    faint: float = 0.02  # share of a place that has to be known, before its shift counts by half
    rounds: int = 2  # of finding it, each from where the one before has moved it


@dataclass(frozen=True)
class ReconcileConfig:
    """Of two in-betweens of cut-outs made one (``reconcile``). Lengths are shares of the longer side.

    Chosen by eye on public clips and others of the generator, some of which pieces alone tear; from ``matched`` to ``surely`` so
    that where the two differ that one is mostly taken which was preferred there, blind, at some 300 places (docs/numbers.md).
    """

    beside: float = 0.0015  # how far off the two may show the same
    around: float = 0.003  # to each side, over which colours that only one has are averaged
    margin: float = 0.003  # around where they differ
    unlike: float = 2 / 255  # of a colour that only one has: up to this they are the same, from twice as much on they differ
    missed: float = 1 / 640  # and a pixel at least, by which the way there and back misses where something is matched by half
    matched: float = 0.35  # of a place where they differ, not matched: under this the exact one is trusted ...
    clearly: float = 0.4  # ... where drawings are so many times as unlike along its motion as along the other, or less; or ...
    coherent: float = 0.8  # ... where it is so many times as unlike what the drawings show as the other is, or less; or ...
    loose: float = 0.15  # ... where so much of it is things by themselves; or ...
    alike: float = 0.03  # ... where drawings are alike along its motion, up to this difference of colours, and also ...
    empty: float = 0.005  # ... the other is like what drawings show, up to this: ground, without what the exact one has, and ...
    large: float = 0.005  # ... that is so much of the frame, or more: no scrap
    surely: float = 0.5  # times as unlike what the drawings show as the other is, or less: it is trusted, matched or not
    looked: float = 0.01  # to each side, over which an in-between is compared with what the drawings show
    # Of the motion of pieces that the whole one is to follow:
    compared: int = 2  # pixels of the motion to each side, over which readings are compared
    better: float = 0.03  # share by which those along it have to agree better; by twice that it is followed wholly
    least: float = 0.01  # difference of colours that counts as none
    known: float = 0.5  # share of a place that it has to come from in both drawings


ALIGNING = AligningConfig()
BACKDROP = BackdropConfig()
BLEND = BlendConfig()
ISOLATION = IsolationConfig()
MOTION_SPLATTING = MotionSplattingConfig()
PAINTING = PaintingConfig()
RECONCILE = ReconcileConfig()
SMOOTH = SmoothConfig()
STILL = StillConfig()
STRETCHING = StretchingConfig()
