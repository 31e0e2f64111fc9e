"""The numbers of the completion, each with its unit and what it is for.

Where nothing else is said, a number was chosen by hand on this project's own drawn clips (``datasets/clips.py`` and the tuning
seeds of the generator) at 640x360, by the frames that come of it. Colour differences are of 8-bit levels, summed over the three
channels. ``python -m animeinterp.evaluation.ablate`` halves and doubles each of them on clips of your own, and switches some off.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CompletionConfig:
    """See the module's docstring. Lengths are in pixels of the frame unless said otherwise."""

    # Pixels of the longer side at which motion is looked for at most; None: at the frames' own size.
    largest: int | None = 960

    # One motion a piece (``motion``, ``motion_search``, ``candidates``).
    truncate: float = 40.0  # colour difference beyond which a pixel is something else
    edge_gain: float = 8.0  # times: how much more than a flat pixel one on a strong edge counts
    largest_stretch: float = 2.0  # times, of a piece along any axis. Shrink it may to nothing: what gets covered looks like that
    long: float = 0.3  # least relative difference of the axes' variances for a piece to have a direction
    least_turn: float = 0.05  # radians, from which a pivot can be told
    joint_reach: float = 2.5  # times a piece's radius: how far from its centre it may be hinged
    turns: tuple[float, ...] = (-45, -30, -18, -8, 8, 18, 30, 45)  # degrees that are tried about a match
    turn_gain: float = 0.5  # levels, at least, that a turn has to better what a piece looks like
    neighbours: int = 4  # how many, whose motions are tried
    doubt: float = 8.0  # levels that a motion costs which is ``doubt_reach`` or more from what dense flow is sure of
    doubt_reach: float = 16.0
    believed_difference: float = 50.0  # colour difference under which dense flow is believed
    frame_prior: float = 0.35  # levels: how much better a motion of its own must look than the whole frame's

    # Pieces that repeat (``patterns``).
    pattern_pieces: int = 6  # at least, that are alike
    pattern_shifts: int = 8  # that are tried
    pattern_periods: int = 3  # that a pattern may have gone on by
    pattern_share: float = 0.6  # of them, the best, that a common shift has to explain: others may be covered
    pattern_explained: float = 8.0  # levels more than by itself, under which one of them is explained by the common shift
    pattern_slack: float = 3.0  # levels that a common shift may cost more than each one's own
    pattern_nearly: float = 20.0  # levels more, under which a shift is worth while to be bettered by parts of a pixel
    pattern_beside: float = 0.5  # levels more, under which what lies beside a pattern goes along with it
    pattern_colour: float = 30.0  # colour difference under which pieces are alike
    pattern_size: float = 0.25  # logarithm of the ratio of their areas, widths and heights

    # Pieces that repeat around a hub (``rings``).
    ring_uneven: float = 0.15  # of the radius, and of the step from one to the next, by which they may be off
    ring_most: int = 16  # pieces: more leave a turn open
    ring_wide: float = 0.5  # of the radius, inwards and outwards, in which lies what is between its pieces
    ring_areas: float = 1.5  # times the largest piece's area, that this may have
    ring_steps: tuple[float, ...] = (1.0, 0.5)  # pixels by which its turn, and the way of its hub, are bettered
    ring_worse: float = 1.4  # times what its pieces cost one by one, and the slack of a pattern, that they may cost so
    ring_turn: float = 3.0  # levels that a radian counts: among equals the smaller turn

    # Whose line it is (``ownership``).
    line_unexplained: float = 25.0  # levels a pixel from which on a line is not explained by its owner
    line_explained: float = 0.6  # the share of that which another's motion may leave to claim it
    line_stretch: int = 16  # a line is given away in parts so long
    line_claims: int = 2  # times so far may an owner follow its line
    line_reaches: tuple[int, ...] = (2, 4)  # in which the piece on the other side is looked for

    # Which is in front (``depth``).
    covering_difference: float = 30.0  # colour difference over which something covers
    covered_alike: float = 20.0  # ... under which it is the same
    match_tie: float = 20.0  # how strongly a piece and what it became share their depth
    depth_pull: float = 0.05  # of every piece towards depth 0

    # What a piece does beyond its motion, and where dense flow knows better (``deformation``).
    residual_smooth: float = 9.0  # of the residual within a piece
    residual_largest: float = 12.0  # a larger residual is another thing
    choice_window: int = 7  # over which flows are compared
    piece_truncate: float = 30.0  # of the colour difference where a piece chooses
    pixel_truncate: float = 60.0  # ... where a pixel does
    pixel_reach: float = 8.0  # by which a single pixel may leave its piece's flow
    pixel_far_reach: float = 64.0  # by which it may where the other leads there and back, and looks better by ``far_margin``
    far_margin: float = 4.0  # levels
    far_returns: float = 1.5  # how near there and back has to end
    median: int = 5  # a single pixel that chose otherwise than all around it is an error
    bend_follows: float = 6.0  # by which a pixel's flow may be off its piece's motion to turn with it

    # What is too thin or too small to be a piece: what counts as such a thing (``things``).
    loose_unlike: float = 60.0  # colour difference along the known flow from which something is left over
    loose_faint: float = 15.0  # colour difference from which it is the soft rim of what is left over
    loose_pen: int = 9  # what is thinner, and darker than both sides, is a line
    loose_edges: float = 1.25  # times as much edge as without it that a thing of a swarm has around it
    loose_sure_edges: float = 1.5  # likewise, one that moves alone
    loose_most: float = 0.1  # of the frame: where more is left over, it is not things that are loose
    loose_around: float = 3.0  # over which the ground is continued
    loose_least: int = 6  # pixels of a thing
    loose_count: int = 400  # of things: more are noise
    loose_areas: float = 2.0  # times that two may differ in area and be one
    loose_colours: float = 90.0  # colour difference under which two may be one
    loose_farthest: float = 0.25  # of the diagonal, that one may be from the other

    # Many of them that move alike (``swarms``).
    loose_swarm: int = 6  # things at least
    loose_share: float = 0.4  # of them, that have to agree
    loose_equal: float = 0.85  # of the best share: as good
    loose_agree: float = 3.0  # within which things move alike
    loose_shifts: int = 4000  # of a swarm that are tried, at most
    loose_settled: int = 3  # rounds of medians, until its shift is known to a part of a pixel
    loose_clump: float = 2.0  # times the largest member's area: so much that looks like a swarm is still of it

    # One laid on another (``registration``): its shape first, ...
    loose_turns: tuple[float, ...] = tuple(range(-90, 91, 9))  # degrees at which it begins
    loose_trim: float = 0.75  # of a thing that has to fit
    loose_trim_last: float = 0.95  # likewise in the last rounds, when it lies where it belongs
    loose_rounds: tuple[int, int] = (8, 4)  # of closest points with the one and the other: no turn changed after as many
    loose_points: int = 150  # of a thing at most: more found the same motions, and took longer
    loose_margin: int = 16  # around a thing, in which the nearest of its points is known
    loose_ways: int = 3  # of laying one on another that what is seen decides between
    loose_other_way: float = 0.35  # radians that they turn apart
    loose_short_way: float = 0.3  # pixels that a radian counts: among equals the smaller turn
    # ... then what is seen.
    loose_pixels: int = 400  # of a thing at most
    loose_truncate: float = 200.0  # colour difference beyond which a pixel is something else
    loose_steps: tuple[float, ...] = (3.0, 1.5, 0.7, 0.3)  # by which a motion is bettered (of a turn, at the rim)
    loose_climbs: int = 4  # times with each
    loose_short_turn: float = 15.0  # levels that a radian counts: among equals the smaller turn

    # Which moves, and what that does to what it passes (``loose``).
    loose_tried: int = 4  # partners of a thing
    loose_known: float = 15.0  # levels that a thing costs along the known flow; one that costs less is not loose
    loose_gain: float = 0.5  # of what a thing costs along the ground's motion, that it may cost by its own
    loose_small: float = 0.01  # of the frame: smaller pieces are taken for ground first,
    loose_doubted: float = 12.0  # if so many levels off along their own motion
    loose_bent: float = 3.0  # off the plain motion of a piece: so far no ground bends
    loose_crossing: int = 5  # over which a thing is compared with what it crosses
    loose_step: int = 2  # at a time, that its way is looked over
    loose_behind: float = 3.0  # of depth, that what it passes over is put behind
    loose_hinge: int = 3  # beside a thing, in which a line may be that it is hinged to,
    loose_hinged: float = 2.5  # if the thing's motion moves that line up to so far off its own
    loose_line: float = 8.0  # levels a pixel, from which slope on it is a line
    loose_found: float = 0.6  # of what is left over, from which share on things that were found are all that moves,
    loose_still: float = 1.0  # if fewer of the other lines move farther than so

    # The straight lines of such a thing (``strokes``).
    stroke_wide: float = 1.6  # from its middle to its side
    stroke_gap: float = 4.0  # at most in it
    stroke_least: int = 30  # pixels
    stroke_most: int = 4000  # pixels of a thing: a larger one is filled
    stroke_count: int = 8  # in a thing, at most
    stroke_trials: int = 200  # lines that are tried for the longest
    stroke_off: float = 22.0  # levels that a stroke costs along its thing's motion, at least,
    stroke_gain: float = 0.75  # of that, that it may cost by its own

    # Whether two drawings are cut-outs, or drawn anew (``cutouts``).
    cutout_better: float = 0.25  # of the lines, from the best, ...
    cutout_middle: float = 0.5  # ... and half of them: their quantiles are looked at
    cutout_off: float = 0.084  # that the better lines of cut-outs are off at most along their completed flow
    cutout_grain: float = 0.58  # times what the middle line is off, at most: lines off alike are off by the grain of a film
    cutout_straight: float = 1.42  # times: how much farther off than along that the middle line is along plain motions
    cutout_anew: float = 0.115  # where even the better lines are off more along plain motions, no bend mends them enough, ...
    cutout_half_way: float = 0.16  # ... and where motion is known half-way only, more than this: cut-outs had 0.13 at most
    cutout_unknown: float = 0.5  # where the better lines are off more, it is their motion that is not known yet
    cutout_surely: float = 0.05  # where the middle line is off less, along plain motions, nothing was drawn anew
    cutout_maybe: float = 0.12  # of a picture of ``cutout_side``, along its dense flow: beyond it they are no cut-outs
    cutout_missed: float = 0.5  # of the lines that move, so few come back along dense flow: others may be cut-outs that go far
    cutout_side: int = 480  # of the longer side of the picture that is looked at first
    # In such a picture, of frames that are larger by ``cutout_larger`` at least, where motion is known half-way:
    cutout_larger: float = 1.5
    cutout_first: float = 0.17  # that the better lines are off, of what is drawn anew, along matches; cut-outs had 0.15 at most
    cutout_glance: float = 0.11  # ... and once motions were bettered; 0.095
    cutout_line: float = 4.0  # levels a pixel: from which slope on it is a line
    cutout_noise: float = 2.0  # levels a pixel: a slope that any pixel may have
    cutout_moves: float = 2e-3  # of the longer side: lines that move less far than this are of no interest here
    cutout_returns: float = 4e-3  # of the longer side: how near the way there and back has to end to where it began
    cutout_fewest: int = 50  # pixels of lines from which on there is something to tell


DEFAULT = CompletionConfig()
