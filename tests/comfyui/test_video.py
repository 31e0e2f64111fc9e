"""Interpolate Video and Timing on a real server: a film in, a film out; times, sound, cuts and the part that is taken."""

import json
import threading
from fractions import Fraction

import av
import numpy as np
import pytest
from prompts import drawing, loading, shown, with_node

from animeinterp.media import VideoReader, VideoWriter
from tools.comfy_host import PACK, HostError
from tools.workflow import to_prompt

TIMING = {
    "multiplier": 2, "target_fps": 0.0, "source_fps": 24.0, "holds": "smooth", "cuts": "auto", "per_piece": "auto",
    "pace": "even", "loop": False, "longest_span": 4.0, "schedule": "", "cut_side": "right", "skip": "",
}  # fmt: skip


@pytest.fixture(scope="module")
def film(host):
    """Twelve frames at 24 a second: three drawings on twos, a cut, three on twos; half a second, with a tone."""
    frames = [drawing(k // 2) for k in range(6)] + [1 - drawing(k // 2) for k in range(6)]
    silent = host.server.base / "silent.mp4"
    with VideoWriter(silent, 24) as writer:
        for frame in frames:
            writer.write(frame)
    path = host.server.base / "input" / "film.mp4"
    with av.open(str(silent)) as pictures, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(pictures.streams.video[0])
        sound = out.add_stream("aac", rate=44100, layout="mono")
        for packet in pictures.demux(pictures.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
        tone = np.sin(np.arange(22050) * 0.06).astype(np.float32)[None]
        for start in range(0, 22050, 1024):
            chunk = av.AudioFrame.from_ndarray(tone[:, start : start + 1024].copy(), format="fltp", layout="mono")
            chunk.sample_rate, chunk.pts = 44100, start
            out.mux(sound.encode(chunk))
        out.mux(sound.encode())
    return frames, path


def prompt(timing=None, **inputs):
    made = {"film": {"class_type": "LoadVideo", "inputs": {"file": "film.mp4"}}}
    if timing is not None:
        made = with_node(made, "timing", "AnimeInterpTiming", **{**TIMING, **timing})
        inputs["timing"] = ["timing", 0]
    made = with_node(
        made, "between", "AnimeInterpVideo",
        **{"video": ["film", 0], "method": "weights-free", "multiplier": 2, "style": "japanese", "codec": "auto", **inputs},
    )  # fmt: skip
    return with_node(made, "save", "SaveVideo", video=["between", 0], filename_prefix="test", format="auto", codec="auto")


def saved(host, made, node="save"):
    found = host.server.run(made)[node]["images"][0]
    return host.server.base / "output" / found["subfolder"] / found["filename"]


def looked_at(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        times = [frame.pts * Fraction(stream.time_base) for frame in container.decode(stream)]
    with av.open(str(path)) as container:
        samples = sum(frame.samples for frame in container.decode(audio=0)) if container.streams.audio else 0
    return times, samples / 44100


def temps(host):
    return sorted(path.name for path in (host.server.base / "temp").glob("*animeinterp_*"))


def test_24_become_60_with_everything_in_its_place(host, film):
    path = saved(host, prompt({"target_fps": 60.0}))
    times, sound = looked_at(path)
    assert times == [Fraction(k, 60) for k in range(30)]
    assert sound == pytest.approx(0.5, abs=0.06)
    frames = list(VideoReader(path))
    for k in (0, 2, 4, 6, 8, 10):  # at 24 and at 60 a second at once; drawings and what follows a cut
        assert (frames[k * 5 // 2] - film[0][k]).abs().mean() < 0.03, k
    light = [float(frame.mean()) for frame in frames]
    assert all(abs(x - light[0]) < 0.05 or abs(x - light[-1]) < 0.05 for x in light), "nothing is blended across the cut"


def test_a_multiplier_alone(host, film):
    times, _ = looked_at(saved(host, prompt()))
    assert times == [Fraction(k, 48) for k in range(23)]


def test_a_video_of_images(host, film):
    made = prompt()
    made = with_node(made, "parts", "GetVideoComponents", video=["film", 0])
    made = with_node(made, "film2", "CreateVideo", images=["parts", 0], audio=["parts", 1], fps=24.0)
    made["between"]["inputs"]["video"] = ["film2", 0]
    times, sound = looked_at(saved(host, made))
    assert times == [Fraction(k, 48) for k in range(23)] and sound > 0.4
    assert not list((host.server.base / "temp").glob("*.source*"))


def test_stopped_it_leaves_nothing(host, film):
    before = temps(host)
    asked = []

    def heard(kind, data):
        if not asked and kind == "progress" and data["node"] == "between" and data["value"] < data["max"]:
            asked.append(threading.Timer(0.3, host.server.post, ("/interrupt", {})).start())

    with pytest.raises(HostError, match="interrupted"):
        host.server.run(prompt({"multiplier": 40, "holds": "keep"}), heard=heard)
    assert temps(host) == before
    assert host.server.alive()


def test_timing_for_images(host):
    made = with_node(loading(), "timing", "AnimeInterpTiming", **{**TIMING, "multiplier": 3, "loop": True})
    inputs = {"images": ["images", 0], "method": "weights-free", "multiplier": 2, "style": "japanese"}
    made = with_node(made, "between", "AnimeInterp", **inputs, timing=["timing", 0])
    assert host.images(shown(made, "between")).shape[0] == 9
    made["between"]["inputs"]["times"] = "0.5"
    with pytest.raises(HostError, match="times is filled in, and timing is connected"):
        host.server.run(shown(made, "between"))


_PRIMITIVES = {str: "PrimitiveString", int: "PrimitiveInt", float: "PrimitiveFloat"}


def at_rates(target, source="24"):
    """A clip of three through Timing, whose rates come from other nodes."""
    made = loading()
    for name, value in (("target", target), ("source", source)):
        made = with_node(made, name, _PRIMITIVES[type(value)], value=value)
    rates = {"target_fps": ["target", 0], "source_fps": ["source", 0]}
    made = with_node(made, "timing", "AnimeInterpTiming", **{**TIMING, "multiplier": 9, **rates})
    inputs = {"images": ["images", 0], "method": "weights-free", "multiplier": 2, "style": "japanese"}
    return shown(with_node(made, "between", "AnimeInterp", **inputs, timing=["timing", 0]), "between")


@pytest.mark.parametrize("rates", [("48",), ("48000/1001", "23.976"), (48, 24), (48.0, 24.0)])
def test_rates_come_from_other_nodes_as_text_or_number(host, rates):
    assert host.images(at_rates(*rates)).shape[0] == 6


@pytest.mark.parametrize("rate", ["fast", "24/0", "inf"])
def test_a_text_that_is_no_rate_is_told(host, rate):
    with pytest.raises(HostError, match=f'AnimeInterpTiming: .*target_fps is "{rate}"; it should be frames a second'):
        host.server.run(at_rates(rate))


def test_the_strip(host):
    made = with_node(loading(), "timing", "AnimeInterpTiming", **TIMING, images=["images", 0])
    strip = host.images(shown(made, "timing", 1))
    assert strip.shape[0] == 1 and strip.shape[3] > 300
    alone = host.images(shown({"timing": {"class_type": "AnimeInterpTiming", "inputs": TIMING}}, "timing", 1))
    assert alone.shape[3] > strip.shape[3], "a chart of twelve frames where there are none"


@pytest.mark.parametrize(
    "timing, complaint",
    [
        ({"schedule": "0-3: slowly"}, "AnimeInterpVideo: .*slowly"),
        ({"cuts": "99"}, 'AnimeInterpVideo: .*cuts is "99"; it should be auto, off'),
        ({"skip": "some"}, 'AnimeInterpTiming: .*skip is "some"'),
    ],
)
def test_what_is_wrong_is_told(host, film, timing, complaint):
    with pytest.raises(HostError, match=complaint):
        host.server.run(prompt(timing))
    assert host.server.alive()


def test_the_template(host):
    workflow = json.loads((PACK / "example_workflows" / "animeinterp_video.json").read_text("utf-8"))
    made = to_prompt(workflow, host.server.object_info())
    outputs = host.server.run(made)
    node = next(node for node, found in made.items() if found["class_type"] == "SaveVideo")
    found = outputs[node]["images"][0]
    times, sound = looked_at(host.server.base / "output" / found["subfolder"] / found["filename"])
    assert len(times) == 60 and times[1] == Fraction(1, 60) and sound > 0.8
