"""What runs the pack in a real ComfyUI, for demo.py and the tests. Not part of the pack or the library."""
