"""Stands in for ComfyUI's main.py: a server under the rules of --novram on a machine without a GPU.

ComfyUI makes an exception of the CPU, where nothing has to be moved, and --novram does not start without a GPU. Here
the exception is taken away: the model is loaded as into no video memory at all, and layers bring their weights when
they run. Layers that would not, and so stay behind where there is a GPU, are named in the log.
"""

import logging
import os
import runpy
import sys

# The folder of a script comes first; ComfyUI expects its own.
sys.path[0] = os.getcwd()

import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()

import comfy.model_management as mm  # noqa: E402
import comfy.model_patcher as mp  # noqa: E402

mm.is_device_cpu = lambda device: False
mm.vram_state = mm.VRAMState.NO_VRAM
load = mp.ModelPatcher.load


def watched(self, *arguments, **options):
    load(self, *arguments, **options)
    layers = {name: layer for name, layer in self.model.named_modules() if list(layer.parameters(recurse=False))}
    behind = [name for name, layer in layers.items() if not getattr(layer, "comfy_cast_weights", False)]
    logging.info("novram: %d layers, left behind: %s", len(layers), behind)


mp.ModelPatcher.load = watched
runpy.run_path("main.py", run_name="__main__")
