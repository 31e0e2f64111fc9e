"""Nodes that stand in for ComfyUI's own of newer versions and for other packs', in the tests' server.

What they do with the sockets INTERP_MODEL and OPTICAL_FLOW is what the nodes of ComfyUI 0.25 do.
"""

import logging

import comfy.model_management as mm
import comfy.model_patcher
import torch


class CrossFade(torch.nn.Module):
    """An INTERP_MODEL that every picture of can be told beforehand."""

    pad_align = 64

    def __init__(self):
        super().__init__()
        self.bias = torch.nn.Parameter(torch.zeros(1))

    def get_dtype(self):
        return self.bias.dtype

    def memory_used_forward(self, shape, dtype):
        return 4 * shape[1] * shape[2] * dtype.itemsize

    def extract_features(self, image):
        assert image.shape[-1] % 64 == 0 and image.shape[-2] % 64 == 0 and image.shape[1] == 3
        return image + self.bias

    def forward(self, image0, image1, timestep=0.5, cache=None):
        assert cache["img0"].shape == image0.shape and timestep.shape[1] == 1
        return torch.lerp(cache["img0"], cache["img1"], timestep)


class Shift(torch.nn.Module):
    """An OPTICAL_FLOW that always finds the same motion, from the first picture it is given to the second."""

    def __init__(self):
        super().__init__()
        self.to_right = torch.nn.Parameter(torch.full((1,), 5.0))

    def forward(self, image0, image1, num_flow_updates=12):
        assert image0.shape[-1] % 8 == 0 and image0.shape[-1] >= 128 and image0.min() < 0
        flow = torch.zeros_like(image0[:, :2])
        flow[:, 0] = self.to_right
        return [flow * 0, flow]


def in_patcher(net):
    return comfy.model_patcher.ModelPatcher(net, load_device=mm.get_torch_device(), offload_device=mm.unet_offload_device())


class Loader:
    RETURN_TYPES = ("INTERP_MODEL", "OPTICAL_FLOW")
    FUNCTION = "load"

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {}}

    def load(self):
        return in_patcher(CrossFade()), in_patcher(Shift())


class Interpolate:
    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "run"

    @classmethod
    def INPUT_TYPES(cls):
        many = ("BOOLEAN", {"default": True})
        return {"required": {"interp_model": ("INTERP_MODEL",), "images": ("IMAGE",), "multiplier": ("INT",), "many": many}}

    def run(self, interp_model, images, multiplier, many):
        net, dtype, device = interp_model.model, interp_model.model_dtype(), interp_model.load_device
        mm.load_models_gpu([interp_model], memory_required=net.memory_used_forward(images.shape, dtype))
        times, found, cache = [k / multiplier for k in range(1, multiplier)], [images[:1].movedim(-1, 1)], {}
        frames = [images[i : i + 1].movedim(-1, 1).to(device, dtype) for i in range(len(images))]
        for one, other in zip(frames, frames[1:], strict=False):
            cache["img0"] = cache.pop("next") if "next" in cache else net.extract_features(one)
            cache["img1"] = cache["next"] = net.extract_features(other)
            if many:
                found.append(net.forward_multi_timestep(one, other, times, cache=cache))
            else:
                step = torch.tensor(times).view(-1, 1, 1, 1).expand(-1, 1, *one.shape[-2:])
                grown = [frame.expand(len(times), -1, -1, -1) for frame in (one, other)]
                found.append(net(*grown, timestep=step, cache=cache))
            found.append(other)
        return (torch.cat([part.float().cpu() for part in found]).movedim(1, -1).clamp(0, 1),)


class Crowd:
    """What a model does that needs a full device's memory: ComfyUI frees ``percent`` of what the models there take."""

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "run"

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"images": ("IMAGE",), "percent": ("INT",)}}

    def run(self, images, percent):
        models = list(mm.current_loaded_models)
        before = sum(model.model_loaded_memory() for model in models)
        free, mm.get_free_memory = mm.get_free_memory, lambda device=None, torch_free_too=False: (0, 0) if torch_free_too else 0
        try:
            mm.free_memory(before * percent / 100, mm.get_torch_device())
        finally:
            mm.get_free_memory = free
        after = sum(model.model_loaded_memory() for model in mm.current_loaded_models)
        logging.info("crowded out: %d of %d bytes, %d models left", before - after, before, len(mm.current_loaded_models))
        return (images,)


NODE_CLASS_MAPPINGS = {"StandInLoader": Loader, "StandInFrameInterpolate": Interpolate, "StandInCrowd": Crowd}
