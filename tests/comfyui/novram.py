"""Stands in for ComfyUI's main.py: a server under the rules of --novram on a machine without a GPU.

ComfyUI makes an exception of the CPU, where nothing has to be moved, and --novram does not start without a GPU. Here
the exception is taken away: the model is loaded as into no video memory at all, and layers bring their weights when
they run.
"""

import os
import runpy
import sys

# The folder of a script comes first; ComfyUI expects its own.
sys.path[0] = os.getcwd()

import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()

import comfy.model_management as mm  # noqa: E402

mm.is_device_cpu = lambda device: False
mm.vram_state = mm.VRAMState.NO_VRAM
runpy.run_path("main.py", run_name="__main__")
