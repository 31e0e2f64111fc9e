"""Measurements that stand beside the library: other people's drawings, other people's interpolators.

Nothing here is needed to run the pack. ``synfig_clips`` makes clips with true in-betweens out of Debian's
``synfig-examples``; ``peers`` runs RIFE, GMFSS and whole-frame optical flow on the same frames.
"""
