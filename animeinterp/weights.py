"""The weights of the networks: detect -> remap -> strict load, and the converter to safetensors.

What is read: our own safetensors, with the configuration as JSON in the header; the checkpoint that the paper's authors
published (``anime_interp_full.ckpt``, a torch pickle whose keys begin with ``module.``); torchvision's VGG-19
(``vgg19-dcbb9e9d.pth``); and either of the two as safetensors.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .checkpoints import naming, read_state_dict, unwrap, write_safetensors
from .config import SynthesisConfig
from .errors import AnimeInterpError
from .matching.vgg import VGGFeatures
from .model import AnimeInterp, ModelConfig, build

CONFIG_KEY = "animeinterp_config"  # in the header of our safetensors
PRETRAINED = Path(__file__).parent / "pretrained"

# The one table of foreign names: the published checkpoint's prefixes (after "module.") and ours.
PUBLISHED_NAMES = {
    "flownet.attention2.": "refinement.guidance.",
    "flownet.fnet.conv1.": "refinement.encoder.stem.",
    "flownet.fnet.layer1.0.": "refinement.encoder.blocks.0.",
    "flownet.fnet.layer1.1.": "refinement.encoder.blocks.1.",
    "flownet.fnet.layer2.0.": "refinement.encoder.blocks.2.",
    "flownet.fnet.layer2.0.downsample.0.": "refinement.encoder.blocks.2.shortcut.",
    "flownet.fnet.layer2.1.": "refinement.encoder.blocks.3.",
    "flownet.fnet.layer3.0.": "refinement.encoder.blocks.4.",
    "flownet.fnet.layer3.0.downsample.0.": "refinement.encoder.blocks.4.shortcut.",
    "flownet.fnet.layer3.1.": "refinement.encoder.blocks.5.",
    "flownet.fnet.conv2.": "refinement.encoder.head.",
    "flownet.update_block.encoder.convc1.": "refinement.update.motion.correlation1.",
    "flownet.update_block.encoder.convc2.": "refinement.update.motion.correlation2.",
    "flownet.update_block.encoder.convf1.": "refinement.update.motion.flow1.",
    "flownet.update_block.encoder.convf2.": "refinement.update.motion.flow2.",
    "flownet.update_block.encoder.conv.": "refinement.update.motion.join.",
    "flownet.update_block.gru.convz1.": "refinement.update.horizontal.update.",
    "flownet.update_block.gru.convr1.": "refinement.update.horizontal.reset.",
    "flownet.update_block.gru.convq1.": "refinement.update.horizontal.candidate.",
    "flownet.update_block.gru.convz2.": "refinement.update.vertical.update.",
    "flownet.update_block.gru.convr2.": "refinement.update.vertical.reset.",
    "flownet.update_block.gru.convq2.": "refinement.update.vertical.candidate.",
    "flownet.update_block.flow_head.conv1.": "refinement.update.flow1.",
    "flownet.update_block.flow_head.conv2.": "refinement.update.flow2.",
    "flownet.update_block.mask.0.": "refinement.update.upsampling1.",
    "flownet.update_block.mask.2.": "refinement.update.upsampling2.",
    "feat_ext.conv1.": "synthesis.pyramid.levels.0.0.",
    "feat_ext.prelu1.": "synthesis.pyramid.levels.0.1.",
    "feat_ext.conv2.": "synthesis.pyramid.levels.0.2.",
    "feat_ext.prelu2.": "synthesis.pyramid.levels.0.3.",
    "feat_ext.conv3.": "synthesis.pyramid.levels.1.0.",
    "feat_ext.prelu3.": "synthesis.pyramid.levels.1.1.",
    "feat_ext.conv4.": "synthesis.pyramid.levels.1.2.",
    "feat_ext.prelu4.": "synthesis.pyramid.levels.1.3.",
    "feat_ext.conv5.": "synthesis.pyramid.levels.2.0.",
    "feat_ext.prelu5.": "synthesis.pyramid.levels.2.1.",
    "feat_ext.conv6.": "synthesis.pyramid.levels.2.2.",
    "feat_ext.prelu6.": "synthesis.pyramid.levels.2.3.",
    "synnet.residual_model_head.": "synthesis.grid.frames.",
    "synnet.residual_model_head1.": "synthesis.grid.features.0.",
    "synnet.residual_model_head2.": "synthesis.grid.features.1.",
    "synnet.residual_model_head3.": "synthesis.grid.features.2.",
    "synnet.residual_model_tail.": "synthesis.grid.tail.",
    "synnet.residual_model_": "synthesis.grid.lateral.",
    "synnet.downsample_model_": "synthesis.grid.down.",
    "synnet.upsample_model_": "synthesis.grid.up.",
}


def bundled_models() -> list[Path]:
    """The weight files that ship with the library, the default first; empty where none do."""
    return sorted(PRETRAINED.glob("*.safetensors"))


def load_model(
    path: str | os.PathLike | None = None, *, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32
) -> AnimeInterp:
    """The model in a weight file; None is the bundled one.

    Raises:
        AnimeInterpError: no such file, a file that is truncated, unsafe or holds something else, or no weights bundled.
    """
    if path is None:
        bundled = bundled_models()
        if not bundled:
            raise AnimeInterpError(
                "No weights ship with this version of AnimeInterp. Pass the path of a weight file, such as the "
                "published anime_interp_full.ckpt, or work without weights: interpolate(frames, model=None)."
            )
        path = bundled[0]
    state_dict, metadata = read_state_dict(path)
    with naming(path):
        model = build_from_state_dict(state_dict, metadata)
    return model.to(device=device, dtype=dtype).eval()


def load_features(
    path: str | os.PathLike, *, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32
) -> VGGFeatures:
    """VGG-19's layers to relu4_4 from torchvision's ``vgg19-dcbb9e9d.pth`` or what ``convert`` made of it.

    Raises:
        AnimeInterpError: no such file, or a file that is truncated, unsafe or holds something else.
    """
    state_dict, _ = read_state_dict(path)
    with naming(path):
        features = build_features_from_state_dict(state_dict)
    return features.to(device=device, dtype=dtype).eval()


def convert(source: str | os.PathLike, target: str | os.PathLike) -> Path:
    """Write the weights in ``source`` (the published checkpoint, or VGG-19's) as safetensors to ``target``.

    Raises:
        AnimeInterpError: ``target`` exists already or does not end in .safetensors, or ``source`` is no known weights.
    """
    target = Path(target)
    if target.suffix != ".safetensors":
        raise AnimeInterpError(f"The converted file is to be {target}; its name should end in .safetensors. Rename it.")
    state_dict, metadata = read_state_dict(source)
    with naming(source):
        if detect(state_dict) == "vgg19":
            return write_safetensors(target, build_features_from_state_dict(state_dict).state_dict(), {"format": "pt"})
        return save_model(build_from_state_dict(state_dict, metadata), target)


def save_model(model: AnimeInterp, target: str | os.PathLike) -> Path:
    """Write a model's weights and configuration as safetensors. AnimeInterpError where ``target`` exists."""
    return write_safetensors(Path(target), model.state_dict(), {"format": "pt", CONFIG_KEY: model.config.to_json()})


def build_from_state_dict(
    state_dict: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None, operations: Any = nn
) -> AnimeInterp:
    """A model from named tensors, ours or the published ones, and a safetensors header's metadata, if there was one.

    Without a configuration in the metadata it is the published one, with the hole mask if the shapes ask for it.

    Raises:
        AnimeInterpError: the tensors are not AnimeInterp's, or some are missing, left over or of another shape.
    """
    state_dict = unwrap(state_dict)
    kind = detect(state_dict)
    if kind == "vgg19":
        raise AnimeInterpError("These are the weights of VGG-19, not of AnimeInterp. Load them with load_features.")
    if kind == "published":
        state_dict = {_our_name(key): value for key, value in state_dict.items()}
    if metadata and CONFIG_KEY in metadata:
        config = ModelConfig.from_json(metadata[CONFIG_KEY])
    else:
        head = state_dict.get("synthesis.grid.frames.1.weight")
        hole_mask = head is not None and head.ndim == 4 and head.shape[1] == 8
        config = ModelConfig(synthesis=SynthesisConfig(hole_mask=hole_mask))
    with torch.device("meta"):  # nothing is allocated for a network that the tensors do not fit
        _check_fit(build(config, operations), state_dict)
    return _load_strictly(build(config, operations), state_dict)


def build_features_from_state_dict(state_dict: Mapping[str, Tensor], operations: Any = nn) -> VGGFeatures:
    """VGG-19's layers to relu4_4 from torchvision's named tensors; later layers and the classifier are left out.

    Raises:
        AnimeInterpError: the tensors are not VGG-19's, or some are missing or of another shape.
    """
    state_dict = unwrap(state_dict)
    kind = detect(state_dict)
    if kind != "vgg19":
        raise AnimeInterpError("These are the weights of AnimeInterp, not of VGG-19. Load them with load_model.")
    network = VGGFeatures(operations=operations)
    wanted = network.state_dict().keys()
    # torchvision's 37 layers go on to relu5_4; ours end at layer 26.
    return _load_strictly(network, {key: value for key, value in state_dict.items() if key in wanted})


def detect(state_dict: Mapping[str, Tensor]) -> str:
    """Whose tensors these are: "animeinterp", "published" or "vgg19".

    Raises:
        AnimeInterpError: none of the three; the message tells what they look like.
    """
    keys = {key.removeprefix("module.") for key in state_dict}
    if any(key.startswith(("refinement.", "synthesis.")) for key in keys):
        return "animeinterp"
    if any(key.startswith(("flownet.", "feat_ext.", "synnet.")) for key in keys):
        return "published"
    if "features.0.weight" in keys and any(key.startswith("features.25.") for key in keys):
        return "vgg19"
    looks = "nothing that is known here"
    if any(key.startswith(("model.diffusion_model.", "first_stage_model.")) for key in keys):
        looks = "a Stable Diffusion checkpoint"
    elif any(key.startswith(("fnet.", "cnet.", "update_block.")) for key in keys):
        looks = "RAFT, the optical flow network"
    first = ", ".join(sorted(keys)[:4]) or "no tensors at all"
    raise AnimeInterpError(
        f"The weights look like {looks} (first keys: {first}); they should be AnimeInterp's (keys such as "
        "flownet.fnet.conv1.weight) or VGG-19's (features.0.weight). Choose another file."
    )


def _our_name(key: str) -> str:
    """Our name of one of the published checkpoint's keys; the key itself where the table does not have it."""
    prefixes = [prefix for prefix in PUBLISHED_NAMES if key.startswith(prefix)]
    if not prefixes:
        return key
    prefix = max(prefixes, key=len)
    return PUBLISHED_NAMES[prefix] + key[len(prefix) :]


def _load_strictly(network: nn.Module, state_dict: Mapping[str, Tensor]) -> Any:
    """``network`` with the tensors in it. AnimeInterpError unless names and shapes are exactly its own."""
    _check_fit(network, state_dict)
    network.load_state_dict(state_dict, strict=True)
    return network


def _check_fit(network: nn.Module, state_dict: Mapping[str, Tensor]) -> None:
    wanted = network.state_dict()
    faults = []
    missing, unexpected = sorted(wanted.keys() - state_dict.keys()), sorted(state_dict.keys() - wanted.keys())
    shapes = [
        f"{key} is {tuple(state_dict[key].shape)}, not {tuple(wanted[key].shape)}"
        for key in sorted(wanted.keys() & state_dict.keys())
        if state_dict[key].shape != wanted[key].shape
    ]
    for name, found in (("missing", missing), ("unexpected", unexpected), ("of another shape", shapes)):
        if found:
            more = f" and {len(found) - 8} more" if len(found) > 8 else ""
            faults.append(f"{len(found)} {name}: {', '.join(found[:8])}{more}")
    if faults:
        raise AnimeInterpError(
            f"The tensors do not fit the network ({'; '.join(faults)}). The file is of another version, or not all of "
            "it was saved: get it again from where it was published."
        )
