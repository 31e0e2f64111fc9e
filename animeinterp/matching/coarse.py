"""Segment-guided matching, whole: two frames and their pieces -> coarse flows both ways (paper 3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..arguments import check_settings
from ..config import MatchConfig
from ..errors import AnimeInterpError, check_frames, check_pair, check_values
from ..flow import CoarseFlow, Matches, PieceMatches
from ..images import to_image
from ..segmentation import segment
from .affinity import affinity, mutual_matches, penalised
from .features import piece_moments, pixel_features, pool, shape_features, unit_vectors
from .piece_flow import PieceMaps, piece_flow
from .similarity import fit_similarities


@dataclass(frozen=True)
class Pieces:
    """What the matching knows of one frame's pieces, K of them. On the CPU, whatever the frame's device.

    ``labels`` (H, W) int32; ``moments`` (K, 6) float64, see ``piece_moments``; ``vectors`` (K, C) float32, of unit L1
    norm; ``kind``: where the features came from ("vgg", "model" or "pixels"), as unlike ones cannot be compared.
    """

    labels: Tensor
    moments: Tensor
    vectors: Tensor
    kind: str

    def __len__(self) -> int:
        return self.moments.shape[0]


@torch.no_grad()
def describe_pieces(frame: Tensor, labels: Tensor, *, model: Any = None, features: Any = None) -> Pieces:
    """A frame's pieces, ready to be matched with any other frame's: the work of a frame, done once.

    :param frame: (1, 3 or 4, H, W) float in 0..1, on the network's device if there is one.
    :param labels: (1, H, W) or (H, W) integers, 0..K-1 without gaps, any device.
    :param features: VGG-19 (``load_features``), taken before the ``model`` (``load_model``); with neither, or a model that
        has no networks for it, the pixels' colours and the pieces' shapes serve.
    :raises AnimeInterpError: for a wrong frame, or labels of another shape, of another type, or with gaps.
    """
    check_frames("frame", frame, count=1)
    labels = _check_labels("labels", labels, frame)
    count = int(labels.max()) + 1
    moments = piece_moments(labels, count)
    describer = None if model is None else model.piece_describer
    network = features if features is not None else describer
    colour = frame if frame.shape[1] == 3 else frame[:, :3] * frame[:, 3:] + 0.5 * (1 - frame[:, 3:])
    if network is not None:
        pooled = pool(network.piece_features(colour), labels, count, moments).cpu()
    else:
        pooled = pool(pixel_features(colour), labels, count, moments).cpu()
        # Colour counts for more than shape, which changes when something passes in front.
        pooled = torch.cat([2 * pooled, shape_features(moments)], dim=1)
    kind = "vgg" if features is not None else "model" if describer is not None else "pixels"
    return Pieces(labels, moments, unit_vectors(pooled), kind)


def match_pieces(
    pieces_0: Pieces, pieces_1: Pieces, size: tuple[int, int], config: MatchConfig | None = None
) -> Matches:
    """The mutual matches of two frames' pieces (paper 3.1, equations 1 to 5). ``size``: (H, W) in pixels.

    :raises AnimeInterpError: when the two were described by different features.
    """
    config = MatchConfig() if config is None else config
    if pieces_0.kind != pieces_1.kind or pieces_0.vectors.shape[1] != pieces_1.vectors.shape[1]:
        raise AnimeInterpError(
            f"The first frame's pieces were described by {pieces_0.kind} and the second's by {pieces_1.kind}; they can "
            "only be compared if described alike. Pass describe_pieces the same model or features for both."
        )
    alike = affinity(pieces_0.vectors, pieces_1.vectors)
    return mutual_matches(penalised(alike, pieces_0.moments, pieces_1.moments, size, config))


def coarse_flow(
    frame0: Tensor,
    frame1: Tensor,
    labels_0: Tensor | None = None,
    labels_1: Tensor | None = None,
    *,
    model: Any = None,
    features: Any = None,
    config: MatchConfig | None = None,
) -> CoarseFlow:
    """The coarse flow of one pair by segment-guided matching (paper 3.1).

    :param frame0: (1, 3 or 4, H, W) float in 0..1; ``frame1`` likewise. On the network's device if there is one.
    :param labels_0: (1, H, W) or (H, W) integers, 0..K-1 without gaps: frame 0's pieces, of any origin. None: it is
        segmented here. ``labels_1`` likewise.
    :param model: an AnimeInterp (``load_model``) whose networks describe the pieces, unless ``features`` do, VGG-19
        (``load_features``), as in the paper. Without either the pixels do.
    :return: a CoarseFlow of this pair, see ``pair_flow``.
    :raises AnimeInterpError: for frames that are no pair, and for labels of another shape or type, or with gaps.
    """
    check_pair(frame0, frame1)
    check_values("frame0", frame0)
    check_values("frame1", frame1)
    check_settings(match_config=config, features=features)
    if model is not None and not hasattr(model, "piece_describer"):
        raise AnimeInterpError(f"model is a {type(model).__name__}; it should be an AnimeInterp (load_model(path)), or None.")
    pieces = []
    for name, frame, labels in (("labels_0", frame0, labels_0), ("labels_1", frame1, labels_1)):
        labels = segment(frame) if labels is None else _check_labels(name, labels, frame)
        pieces.append(describe_pieces(frame, labels, model=model, features=features))
    return pair_flow(frame0, frame1, *pieces, config)


@torch.no_grad()
def pair_flow(
    frame0: Tensor, frame1: Tensor, pieces_0: Pieces, pieces_1: Pieces, config: MatchConfig | None = None
) -> CoarseFlow:
    """The coarse flow of one pair whose pieces are described already (``describe_pieces``).

    Matching and piece flow run on the CPU. Every matched piece moves, within the limits that ``piece_flow`` has; the
    flow of every other pixel is zero.

    :param frame0: (1, 3 or 4, H, W) float in 0..1; ``frame1`` likewise.
    :return: a CoarseFlow: ``flow_01`` and ``flow_10`` (1, 2, H, W) float32 and ``labels`` (2, H, W) int32 on the frames'
        device; ``matches`` and ``motion``, one each, on the CPU. A match beyond the limits stays among the matches,
        with a motion of none.
    :raises AnimeInterpError: for frames that are no pair, or pieces of frames of another size.
    """
    config = MatchConfig() if config is None else config
    found = pair_matches(frame0, frame1, pieces_0, pieces_1, config)
    maps = _maps(frame0, pieces_0), _maps(frame1, pieces_1)
    index = found.matches[0].pieces_0.numpy(), found.matches[0].pieces_1.numpy()
    forward, moved_01 = piece_flow(maps[0], maps[1], index[0], index[1], deformation=config.deformation)
    backward, moved_10 = piece_flow(maps[1], maps[0], index[1], index[0], deformation=config.deformation)
    motion = fit_similarities(
        (maps[0].labels, forward, index[0], moved_01), (maps[1].labels, backward, index[1], moved_10), maps[0].moments
    )
    fields = [torch.from_numpy(f.transpose(2, 0, 1).copy())[None].to(frame0.device) for f in (forward, backward)]
    return CoarseFlow(found.labels, found.matches, *fields, [torch.from_numpy(motion)])


@torch.no_grad()
def pair_matches(
    frame0: Tensor, frame1: Tensor, pieces_0: Pieces, pieces_1: Pieces, config: MatchConfig | None = None
) -> PieceMatches:
    """As ``pair_flow``, the pieces matched and nothing moved: all that the completion needs."""
    check_pair(frame0, frame1)
    size = tuple(frame0.shape[-2:])
    for name, pieces in (("pieces_0", pieces_0), ("pieces_1", pieces_1)):
        if tuple(pieces.labels.shape) != size:
            raise AnimeInterpError(
                f"{name} is of a frame of {pieces.labels.shape[1]}x{pieces.labels.shape[0]}; the frames are "
                f"{size[1]}x{size[0]}. Describe the pieces of these frames."
            )
    matches = match_pieces(pieces_0, pieces_1, size, config)
    labels = torch.stack([pieces_0.labels, pieces_1.labels]).to(frame0.device)
    return PieceMatches(labels, [matches])


def _maps(frame: Tensor, pieces: Pieces) -> PieceMaps:
    return PieceMaps.of(to_image(frame[0]), np.ascontiguousarray(pieces.labels.numpy()), pieces.moments.numpy())


def _check_labels(name: str, labels: Tensor, frame: Tensor) -> Tensor:
    """``labels`` as (H, W) int32 on the CPU, or an AnimeInterpError."""
    height, width = frame.shape[-2:]
    if not isinstance(labels, Tensor):
        raise AnimeInterpError(f"{name} is a {type(labels).__name__}; it should be a tensor (1, {height}, {width}).")
    if tuple(labels.shape) not in ((height, width), (1, height, width)):
        raise AnimeInterpError(
            f"{name} has shape {tuple(labels.shape)}; it should be (1, {height}, {width}), one label a pixel of its "
            "frame. Pass one frame's labels, of the frame's size."
        )
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise AnimeInterpError(f"{name} holds {labels.dtype}; it should hold integers. Use labels.to(torch.int32).")
    labels = labels.detach().reshape(height, width).to("cpu", torch.int64)
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= labels.numel():
        used = torch.unique(labels).numel()
    else:
        used = int((torch.bincount(labels.flatten()) > 0).sum())
    if low != 0 or used != high + 1:
        raise AnimeInterpError(
            f"{name} holds {used} different labels from {low} to {high}; they should be 0 to {used - 1} without gaps. "
            "Renumber them: torch.unique(labels, return_inverse=True)[1]."
        )
    return labels.to(torch.int32)
