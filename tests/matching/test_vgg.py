"""VGG-19's features: torchvision's numbering, the layers that the paper names, sizes."""

import pytest
import torch
import torchvision

from animeinterp import weights
from animeinterp.errors import AnimeInterpError
from animeinterp.matching.vgg import VGGFeatures

# relu1_2, relu2_2, relu3_4, relu4_4 in torchvision's ``features``.
ENDS = (3, 8, 17, 26)


@pytest.fixture(scope="module")
def reference():
    """torchvision's network with random weights; the classifier, 90 % of it, cut short."""
    torch.manual_seed(0)
    with torch.device("meta"):
        whole = torchvision.models.vgg19(weights=None)
    features = whole.features.to_empty(device="cpu").eval()
    for layer in features:
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            torch.nn.init.normal_(layer.bias, std=0.05)
    return features


@pytest.fixture(scope="module")
def path(reference, tmp_path_factory):
    state_dict = {f"features.{key}": value for key, value in reference.state_dict().items()}
    state_dict |= {f"classifier.{n}.{kind}": torch.zeros(3) for n in (0, 3, 6) for kind in ("weight", "bias")}
    path = tmp_path_factory.mktemp("vgg") / "vgg19-dcbb9e9d.pth"
    torch.save(state_dict, path, _use_new_zipfile_serialization=False)
    return path


@torch.no_grad()
def test_same_numbers_as_torchvision(reference, path):
    frames = torch.rand(2, 3, 40, 56)
    x = (frames - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    found = weights.load_features(path)(frames)
    for end, features, channels in zip(ENDS, found, (64, 128, 256, 512), strict=True):
        assert isinstance(reference[end], torch.nn.ReLU)
        torch.testing.assert_close(features, reference[: end + 1](x), rtol=1e-4, atol=1e-4)
        assert features.shape[1] == channels


@torch.no_grad()
def test_converted_file(path, tmp_path):
    target = weights.convert(path, tmp_path / "vgg19.safetensors")
    converted, original = weights.load_features(target), weights.load_features(path, dtype=torch.float64).float()
    frames = torch.rand(1, 3, 64, 64)
    for one, other in zip(converted(frames), original(frames), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
    assert target.stat().st_size < 50e6  # ends at relu4_4, no classifier


@torch.no_grad()
def test_piece_features_have_the_size_of_subsampled_labels():
    network, labels = VGGFeatures(), torch.zeros(67, 90)
    for level, features in enumerate(network.piece_features(torch.rand(1, 3, 67, 90))):
        assert features.shape[-2:] == labels[:: 2**level, :: 2**level].shape


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(path, dtype):
    frame = torch.rand(1, 3, 43, 50)
    network = weights.load_features(path, dtype=dtype)
    assert network.get_dtype() == dtype
    reference = weights.load_features(path).piece_features(frame)
    for half, whole in zip(network.piece_features(frame), reference, strict=True):
        assert half.dtype == dtype
        assert (half.float() - whole).abs().max() < 0.05 * whole.abs().max()


def test_mean_and_deviation_are_no_weights():
    assert not {"mean", "deviation"} & VGGFeatures().state_dict().keys()


def test_each_file_in_its_place(path, tmp_path):
    with pytest.raises(AnimeInterpError, match="VGG-19, not of AnimeInterp"):
        weights.load_model(path)
    from animeinterp.model import build

    ours = weights.save_model(build(), tmp_path / "ours.safetensors")
    with pytest.raises(AnimeInterpError, match="AnimeInterp, not of VGG-19"):
        weights.load_features(ours)
