"""A clip of 500 frames takes no more memory, above itself and its result, than a short one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("long_clip.py")
ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell how much memory a process has")
@pytest.mark.parametrize("way", ["library", "stream ahead", "film"])
def test_500_frames_take_no_more_than_a_few(way):
    ended = subprocess.run([sys.executable, str(SCRIPT), way], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    few, many = json.loads(ended.stdout.splitlines()[-1]).values()
    # A frame kept of each pair would be 85 MB, a flow 56 MB, a label map 28 MB.
    assert many < few + 12e6, (few, many)
