"""Checks of what a caller hands in beside frames: networks, settings, flows, callbacks. AnimeInterpError, or nothing."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .config import MatchConfig, SegmentConfig, check_config
from .errors import AnimeInterpError, check_flow, shown
from .flow import FIELDS, CoarseFlow, Flow, Matches
from .protocols import Refiner, Synthesizer


def check_settings(
    *,
    segment_config: Any = None,
    match_config: Any = None,
    features: Any = None,
    device: Any = None,
    progress: Any = None,
    cancel: Any = None,
    refiner: Any = None,
    synthesizer: Any = None,
) -> None:
    """Raise AnimeInterpError unless each is None, or what its name says."""
    for name, config, kind in (("segment_config", segment_config, SegmentConfig), ("match_config", match_config, MatchConfig)):
        check_settings_of(name, config, kind)
    if features is not None and not hasattr(features, "piece_features"):
        raise AnimeInterpError(f"features is {shown(features)}; it should be VGG-19 (load_features(path)), or None.")
    if device is not None:
        try:
            usable = torch.empty(0, device=device).device.type != "meta"
        except Exception:  # torch has no one error for it
            usable = False
        if not usable:
            raise AnimeInterpError(
                f"device is {shown(device)}, which this machine's torch cannot use; it should be cpu, or cuda, cuda:1, mps where "
                "there is one."
            )
    for name, part, protocol in (("refiner", refiner, Refiner), ("synthesizer", synthesizer, Synthesizer)):
        if part is not None and not isinstance(part, str) and (isinstance(part, type) or not isinstance(part, protocol)):
            raise AnimeInterpError(
                f"{name} is {shown(part)}; it should be a name in animeinterp.registry, a {protocol.__name__} "
                "(animeinterp.protocols), or None."
            )
    for name, callback in (("progress", progress), ("cancel", cancel)):
        if callback is not None and not callable(callback):
            raise AnimeInterpError(f"{name} is {shown(callback)}; it should be a function, or None.")


def check_settings_of(name: str, config: Any, kind: type) -> None:
    """Raise AnimeInterpError unless ``config`` is None, or a configuration of this kind with sensible values."""
    if config is None:
        return
    if type(config).__name__ != kind.__name__:  # by name: a host may have loaded this library twice
        raise AnimeInterpError(f"{name} is {shown(config)}; it should be a {kind.__name__}, or None.")
    try:
        check_config(config)
    except ValueError as error:
        raise AnimeInterpError(f"{name}: {error}.") from None


def check_at_once(at_once: Any) -> None:
    """Raise AnimeInterpError unless ``at_once`` is None, or a whole number from 1."""
    if at_once is not None and (isinstance(at_once, bool) or not isinstance(at_once, int) or at_once < 1):
        raise AnimeInterpError(
            f"at_once is {shown(at_once)}; it should be a whole number of pairs from 1, or None for as many as suit the device."
        )


def check_model(model: Any) -> None:
    """Raise AnimeInterpError unless ``model`` is None or can refine and synthesize."""
    if model is not None and not (hasattr(model, "refine") and hasattr(model, "synthesize")):
        raise AnimeInterpError(
            f'model is {shown(model)}; it should be an AnimeInterp (load_model(path)), "auto", or None for none.'
        )


def check_flows(flows: Any, pairs: int) -> None:
    """Raise AnimeInterpError unless ``flows`` is None, or something that gives the flow of each of so many pairs."""
    if flows is None:
        return
    if not hasattr(flows, "pair") or not hasattr(flows, "__len__"):
        raise AnimeInterpError(f"flows is {shown(flows)}; it should be a Flow, a CoarseFlow or a ClipFlow of {pairs} pairs.")
    if isinstance(flows, Flow | CoarseFlow):
        for name in ("flow_01", "flow_10"):
            field = getattr(flows, name)
            if not isinstance(field, Tensor) or field.ndim != 4:
                raise AnimeInterpError(
                    f"{name} is {_shape(field)}; it should be a tensor ({pairs}, 2, H, W), dx then dy in pixels."
                )
    if len(flows) != pairs:
        raise AnimeInterpError(f"flows is of {len(flows)} pairs; {pairs + 1} frames are {pairs} pairs.")
    if isinstance(flows, CoarseFlow) and not (isinstance(flows.labels, Tensor) and isinstance(flows.matches, list | tuple)):
        raise AnimeInterpError("A CoarseFlow should have labels (pairs + 1, H, W), and matches, a list. See coarse_flow.")
    if isinstance(flows, Flow):
        for name in FIELDS[2:]:
            field = getattr(flows, name)
            if field is not None and (not isinstance(field, Tensor) or field.ndim != 4 or field.shape[0] != pairs):
                raise AnimeInterpError(
                    f"{name} is {_shape(field)}; it should be None or a tensor of {pairs} pairs, as flow_01 is."
                )


def check_motion(flow: Flow | CoarseFlow, frame: Tensor) -> None:
    """Raise AnimeInterpError unless all that a pair's flow says is finite, and of the size of ``frame`` (1, C, H, W)."""
    check_flow("flow_01", flow.flow_01, frame)
    check_flow("flow_10", flow.flow_10, frame)
    if isinstance(flow, CoarseFlow):
        _check_matches(flow, frame)
        return
    for name in FIELDS[2:]:
        field = getattr(flow, name)
        channels = 2 if name.startswith(("bend", "dense")) else 1
        if field is None:
            continue
        wanted = (frame.shape[0], channels, *frame.shape[-2:])
        if not isinstance(field, Tensor) or tuple(field.shape) != wanted or not field.is_floating_point():
            raise AnimeInterpError(f"{name} is {_kind(field)}; it should be None, or floating point of shape {wanted}.")
        if not bool(torch.isfinite(field).all()):
            raise AnimeInterpError(f"{name} holds values that are no finite numbers; mend them, or leave it None.")


def _check_matches(flow: CoarseFlow, frame: Tensor) -> None:
    """A pair's pieces: whole numbers for each pixel of both frames, and matches among them."""
    wanted = (2, *frame.shape[-2:])
    labels = flow.labels
    if not isinstance(labels, Tensor) or tuple(labels.shape) != wanted or labels.is_floating_point() or labels.is_complex():
        raise AnimeInterpError(f"labels is {_kind(labels)}; it should be whole numbers of shape {wanted}. See segment.")
    if len(flow.matches) != 1 or not isinstance(flow.matches[0], Matches):
        raise AnimeInterpError(f"matches is {shown(flow.matches)}; it should hold a Matches for each pair. See coarse_flow.")
    counts = [int(one.max()) + 1 for one in labels]
    if int(labels.min()) < 0 or max(counts) > labels[0].numel():
        raise AnimeInterpError("labels holds numbers that no piece has; they should be 0..K-1 without gaps in each frame.")
    for name, count in zip(("pieces_0", "pieces_1"), counts, strict=True):
        pieces = getattr(flow.matches[0], name)
        if not isinstance(pieces, Tensor) or pieces.ndim != 1 or pieces.is_floating_point():
            raise AnimeInterpError(f"matches' {name} should be a row of whole numbers, the labels of pieces. See coarse_flow.")
        if pieces.numel() and not 0 <= int(pieces.min()) <= int(pieces.max()) < count:
            raise AnimeInterpError(f"matches' {name} names pieces that are not there; it should be 0 to {count - 1}.")


def _shape(value: Any) -> Any:
    """What an error tells of what should be a tensor of another shape."""
    return tuple(value.shape) if isinstance(value, Tensor) else shown(value)


def _kind(value: Any) -> str:
    """What an error tells of what should be a tensor of another kind or shape."""
    return f"{value.dtype} of shape {tuple(value.shape)}" if isinstance(value, Tensor) else shown(value)
