"""What each room makes of a drawn clip of which everything is known, in figures: ``measures``."""

import torch

from animeinterp.completion import complete
from animeinterp.config import SegmentConfig
from animeinterp.datasets.cartoon.sample import CartoonSample
from animeinterp.evaluation.metrics import psnr_moving, to_8bit
from animeinterp.images import to_image
from animeinterp.matching import describe_pieces, pair_flow
from animeinterp.segmentation import find_contours, segment
from animeinterp.synthesis.blend import EMPTY, FrameWarper, blend


@torch.no_grad()
def measures(sample: CartoonSample) -> dict[str, float]:
    """Of one clip (a batch of 1), both ways together where there are two. Distances are in pixels, shares in per cent."""
    frames = sample.frame0, sample.frame1
    truth = sample.flow_01, sample.flow_10
    visible = ~sample.occlusion_0, ~sample.occlusion_1
    moves = [flow.norm(dim=1, keepdim=True) > 1 for flow in truth]
    found: dict[str, float] = {}

    ours = [segment(frame, SegmentConfig()) for frame in frames]
    found["pieces within one true piece"] = _mean(
        [_purity(labels[0], true[0]) for labels, true in zip(ours, (sample.labels_0, sample.labels_1), strict=True)]
    )

    # The matching of the true pieces, so that it is asked alone.
    labelled = zip(frames, (sample.labels_0, sample.labels_1), strict=True)
    true_pieces = [describe_pieces(frame, labels) for frame, labels in labelled]
    coarse = pair_flow(*frames, *true_pieces)
    right = {tuple(pair) for pair in sample.matches[0].tolist()}
    said = list(zip(coarse.matches[0].pieces_0.tolist(), coarse.matches[0].pieces_1.tolist(), strict=True))
    found["right of the matches"] = 100 * sum(pair in right for pair in said) / len(said)
    found["found of the true matches"] = 100 * len(right & set(said)) / len(right)
    area = torch.bincount(sample.labels_0.flatten()).float()
    moved = torch.zeros(len(area), dtype=torch.bool)
    moved[torch.tensor([one for one, other in said if (one, other) in right])] = True
    covered = moved[sample.labels_0.long()][:, None]
    found["coarse: end-point error of right matches"] = _error(coarse.flow_01, truth[0], covered & visible[0])
    found["coarse: area of right matches"] = 100 * float(covered.float().mean())

    pieces = [describe_pieces(frame, labels) for frame, labels in zip(frames, ours, strict=True)]
    flow = complete(*frames, pair_flow(*frames, *pieces))
    fields = flow.flow_01, flow.flow_10
    found["completed: end-point error"] = _mean([_error(f, t, v) for f, t, v in zip(fields, truth, visible, strict=True)])
    found["completed: off by under a pixel, of what moves"] = _mean(
        [_within(f, t, v & m, 1.0) for f, t, v, m in zip(fields, truth, visible, moves, strict=True)]
    )
    lines = [torch.from_numpy(find_contours(to_image(frame[0])))[None, None] for frame in frames]
    found["lines that move with what they outline"] = _mean(
        [_within(f, t, v & m & line, 1.5) for f, t, v, m, line in zip(fields, truth, visible, moves, lines, strict=True)]
    )
    depths = flow.depth_0, flow.depth_1
    found["hidden pixels found behind what hides them"] = _mean([
        _in_front(depths, truth[0], sample.occlusion_0), _in_front(depths[::-1], truth[1], sample.occlusion_1)
    ])
    sure = flow.confidence_01[visible[0]].mean() - flow.confidence_01[~visible[0]].mean()
    found["confidence: more where it is to be seen in both"] = 100 * float(sure)

    warped = FrameWarper(*frames, flow).at(0.5)
    found["holes half-way"] = 100 * float((warped.masses[0] + warped.masses[1] <= EMPTY).float().mean())
    drawn = [to_8bit(blend(*frames, flow, [t])) for t in sample.times]
    found["blend: dB over moving pixels"] = _mean(
        [psnr_moving(one, sample.mids[:, k], *frames) for k, one in enumerate(drawn)]
    )
    return found


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _error(flow, truth, where) -> float:
    return float((flow - truth).norm(dim=1, keepdim=True)[where].mean())


def _within(flow, truth, where, pixels: float) -> float:
    return 100 * float(((flow - truth).norm(dim=1, keepdim=True)[where] < pixels).float().mean())


def _purity(labels, true) -> float:
    """The share of pixels that are of the true piece which most of their piece is of."""
    count = int(true.max()) + 1
    table = torch.bincount((labels.long() * count + true.long()).flatten())
    table = torch.nn.functional.pad(table, (0, -len(table) % count)).view(-1, count)
    return 100 * float(table.amax(dim=1).sum() / table.sum())


def _in_front(depths, truth, hidden) -> float:
    """Of the pixels that something covers on their way, those that were found to be behind what covers them."""
    height, width = hidden.shape[-2:]
    y, x = hidden[0, 0].nonzero(as_tuple=True)
    to_x, to_y = ((at + shift).round().long() for at, shift in zip((x, y), truth[0, :, y, x], strict=True))
    inside = (to_x >= 0) & (to_x < width) & (to_y >= 0) & (to_y < height)
    y, x, to_y, to_x = (at[inside] for at in (y, x, to_y, to_x))
    return 100 * float((depths[1][0, 0, to_y, to_x] > depths[0][0, 0, y, x]).float().mean())
