"""What several test files need: a miniature ATD-12K in the published layout; a single thread; a clip and a small model; a
cluster."""

import json
import os
from pathlib import Path

# Threads that wait let others work: several processes share the processors here, those of the tests and those that they start.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import pytest
import torch
from drawings import drawing
from hypothesis import HealthCheck, settings
from triplet_source import write_triplet

from animeinterp import pipeline
from animeinterp.config import RefineConfig
from animeinterp.model import ModelConfig, build

# How many examples the property tests try: few in a usual run, always the same ones; 2,000 each and new ones every time with
# --hypothesis-profile=slow.
_CHECKS = {"deadline": None, "suppress_health_check": list(HealthCheck), "print_blob": True}
settings.register_profile("few", max_examples=20, derandomize=True, database=None, **_CHECKS)
settings.register_profile("slow", max_examples=2000, **_CHECKS)
settings.load_profile("few")

# What takes long, by its beginning: servers, browsers, processes of their own, whole films, training, drawing with the networks
# that ship. ``-m "not slow"`` leaves it out; a usual run does all.
SLOW = (
    "comfyui/", "completion/test_cutouts", "completion/test_loose", "completion/test_patterns", "completion/test_rings",
    "datasets/test_cartoon", "datasets/test_collage", "datasets/test_turning", "evaluation/test_ablate",
    "evaluation/test_blind", "evaluation/test_methods", "evaluation/test_published", "evaluation/test_runs", "fuzz/",
    "media/test_entering", "media/test_films", "media/test_pictures_in", "media/test_safety", "pipeline/test_long",
    "pipeline/test_overlap", "pipeline/test_retiming", "pipeline/test_sizes", "runtime/test_out_of_memory",
    "runtime/test_prefetch", "segmentation/test_exactness", "sequence/test_detection", "sequence/test_piece_timing",
    "synthesis/test_network_tiles", "synthesis/test_reconcile", "test_cli_benchmark", "test_cli_evaluate", "test_cli_interpolate",
    "test_cli_timing", "test_cli_train", "test_cluster", "test_film", "test_light", "test_made_film", "test_pack", "test_panning",
    "test_quality_floors", "test_reported", "test_shade", "test_storage", "test_synfig", "test_upsampling", "training/",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        path = item.path.relative_to(here).as_posix()
        if path.startswith(SLOW):
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """What several processes (``-n 2``) share between them: a file is one's, and so is all that needs ComfyUI's one server."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            path = nodeid.split("::")[0]
            return "comfyui" if path.startswith("tests/comfyui/") else path

    return ByFile(config, log)


# Name: level, motion type, behaviour, region of interest in pixels of a 1280x720 original, motion of the square.
TRIPLETS = {
    "Disney_Alpha_S1_001": (0, "translation", "walking", (101, 51, 333, 203), (12, 0)),
    "Disney_Alpha_S1_002": (1, "rotation", "others", (0, 0, 1280, 720), (24, 8)),
    "Japan_Beta_S2_001": (2, "deformation", "speaking", (640, 360, 640, 360), (60, -20)),
}
IMAGE_SIZE = (1280, 720)


@pytest.fixture(scope="session")
def _atd12k_master(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("atd12k")
    for seed, (name, (level, motion_type, behaviour, roi, motion)) in enumerate(TRIPLETS.items()):
        write_triplet(root / "test_2k_540p" / name, (960, 540), motion, seed)
        write_triplet(root / "test_2k_original" / name, IMAGE_SIZE, motion, seed, ".jpg")
        write_triplet(root / "train_10k" / f"{name}_train", (192, 108), (8, 4), seed, ".jpg")
        annotation = {
            "level": level, "motion_RoI": dict(zip(("x", "y", "width", "height"), roi, strict=True)),
            "image_size": list(IMAGE_SIZE), "general_motion_type": motion_type, "behavior": behaviour,
        }
        folder = root / "test_2k_annotations" / name
        folder.mkdir(parents=True)
        (folder / f"{name}.json").write_text(json.dumps(annotation))
        folder = root / "test_2k_pre_calc_sgm_flows" / name
        folder.mkdir(parents=True)
        for way, sign in (("13", 1), ("31", -1)):
            flow = np.zeros((2, 540, 960), np.float32)
            flow[0], flow[1] = sign * motion[0], sign * motion[1]
            np.save(folder / f"guide_flo{way}.npy", flow)
    return root


@pytest.fixture
def atd12k(_atd12k_master, tmp_path) -> Path:
    """A tree that a test may damage: files are links to one that all tests share, so replace them, never write into."""
    root = tmp_path / "ATD-12K"
    for path in _atd12k_master.rglob("*"):
        target = root / path.relative_to(_atd12k_master)
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(path)
    return root


@pytest.fixture(scope="module")
def one_thread():
    """What is very small is done fastest by one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def clip():
    return torch.cat([drawing(x) for x in (30, 42, 52)])


@pytest.fixture(scope="module")
def model():
    """Random weights that paint something else than grey, and leave the coarse flow as it is but for its size."""
    torch.manual_seed(0)
    model = build(ModelConfig(refine=RefineConfig(iterations=2, doubled_start=False))).eval()
    with torch.no_grad():
        model.refinement.update.flow2.weight.zero_()
        model.refinement.update.flow2.bias.zero_()
        model.synthesis.grid.tail[-1].bias.fill_(0.5)
        model.synthesis.grid.tail[-1].weight.mul_(20)
    return model


@pytest.fixture(params=["weights-free", "model"])
def way(request, model):
    return None if request.param == "weights-free" else model


@pytest.fixture
def one_pair_at_once(monkeypatch):
    """Whatever the threads of this machine."""
    monkeypatch.setattr(pipeline, "pairs_at_once", lambda frame: 1)


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    """A Ray cluster: a head that does no work, and two nodes of one CPU each."""
    import ray
    from ray.cluster_utils import Cluster as Machines
    from store import installed

    # Ray's workers look for the library, and for what a test defines, where this process does.
    pack = Path(__file__).resolve().parent.parent
    path = [pack, pack / "tests", installed(tmp_path_factory.mktemp("installed")), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(map(str, path))
    os.environ["RAY_TMPDIR"] = "/tmp"
    cluster = Machines(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    yield cluster
    ray.shutdown()
    cluster.shutdown()
