"""The measures against scikit-image, and against cases that can be worked out by hand."""

import math
import time

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from animeinterp import evaluation
from animeinterp.errors import AnimeInterpError


def noisy_pair(height=61, width=83, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    true = torch.rand(1, 3, height // 6 + 1, width // 6 + 1, generator=generator, dtype=torch.float64)
    true = torch.nn.functional.interpolate(true, (height, width), mode="bilinear")
    ours = (true + 0.07 * torch.randn(true.shape, generator=generator, dtype=torch.float64)).clamp(0, 1)
    return ours.to(dtype), true.to(dtype)


def to_numpy(frame):
    return frame[0].permute(1, 2, 0).numpy()


def drawing(columns, height=64, width=96):
    """A white sheet with dark upright lines, two pixels wide, that begin at ``columns``."""
    frame = torch.ones(1, 3, height, width)
    for column in columns:
        frame[..., column : column + 2] = 0.0
    return frame


def test_psnr_is_scikit_images():
    ours, true = noisy_pair()
    expected = peak_signal_noise_ratio(to_numpy(true), to_numpy(ours), data_range=1.0)
    assert evaluation.psnr(ours, true) == pytest.approx(expected, abs=1e-9)


def test_psnr_of_one_step_in_every_pixel_is_48_13_db():
    true = torch.full((1, 3, 20, 20), 100 / 255)
    assert evaluation.psnr(true + 1 / 255, true) == pytest.approx(20 * math.log10(255), abs=1e-4)
    assert evaluation.psnr(true, true) == math.inf


def test_psnr_in_a_mask_sees_only_the_mask():
    true = torch.zeros(1, 3, 10, 10)
    ours = true.clone()
    ours[..., 5:] = 0.1  # -20 dB of error, outside of the mask on the left
    mask = torch.zeros(1, 1, 10, 10)
    mask[..., :5] = 1
    assert evaluation.psnr(ours, true, mask=mask) == math.inf
    assert evaluation.psnr(ours, true, mask=1 - mask) == pytest.approx(20.0, abs=1e-4)
    assert math.isnan(evaluation.psnr(ours, true, mask=0 * mask))


@pytest.mark.parametrize("size", [(61, 83), (11, 11), (12, 200)])
def test_standard_ssim_is_scikit_images(size):
    ours, true = noisy_pair(*size)
    expected = structural_similarity(
        to_numpy(true), to_numpy(ours), channel_axis=2, data_range=1.0, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False,
    )
    assert evaluation.ssim(ours, true) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("size", [(61, 83), (7, 7)])
def test_paper_ssim_is_scikit_images_with_its_old_data_range(size):
    ours, true = noisy_pair(*size)
    expected = structural_similarity(to_numpy(true), to_numpy(ours), channel_axis=2, data_range=2.0)
    measured = evaluation.ssim(ours, true, protocol="paper")
    assert measured == pytest.approx(expected, abs=1e-9)
    if size == (61, 83):
        assert abs(measured - evaluation.ssim(ours, true)) > 1e-3, "the protocols differ, so they must be told apart"


def test_ssim_in_a_mask_ignores_damage_outside():
    ours, true = noisy_pair()
    spoiled = true.clone()
    spoiled[..., 40:] = ours[..., 40:]
    mask = torch.zeros(1, 1, 61, 83)
    mask[..., :34] = 1  # windows of 11 that end before the damage
    assert evaluation.ssim(spoiled, true, mask=mask) == pytest.approx(1.0)
    assert evaluation.ssim(spoiled, true, mask=1 - mask) < 0.9


def test_ie_is_the_norm_of_the_colour_error():
    true = torch.zeros(1, 3, 4, 6)
    ours = true.clone()
    ours[0, :, 1, 2] = torch.tensor([3.0, 0.0, 4.0]) / 255  # one pixel of 24 off by 5
    assert evaluation.interpolation_error(ours, true) == pytest.approx(5 / 24, abs=1e-6)
    assert evaluation.interpolation_error(true, true) == 0.0
    assert evaluation.interpolation_error(torch.ones_like(true), true) == pytest.approx(255 * math.sqrt(3), abs=1e-4)


def test_moving_pixels_begin_above_eight_steps_and_reach_three_pixels():
    first = torch.full((1, 3, 30, 30), 100 / 255)
    still = first.clone()
    still[0, 0, 5, 5] = 108 / 255
    assert not evaluation.moving_pixels(first, still).any()
    moved = still.clone()
    moved[0, 2, 20, 12] = 91 / 255  # nine steps, in one channel only
    mask = evaluation.moving_pixels(first, moved)
    expected = torch.zeros(1, 1, 30, 30, dtype=torch.bool)
    expected[..., 17:24, 9:16] = True
    assert torch.equal(mask, expected)


def test_psnr_moving_looks_where_the_inputs_differ():
    first, second = torch.zeros(1, 3, 20, 40), torch.zeros(1, 3, 20, 40)
    second[..., 10, 10] = 1.0
    ours, true = torch.zeros_like(first), torch.zeros_like(first)
    ours[..., 30:] = 0.5  # damage in the still part
    assert evaluation.psnr_moving(ours, true, first, second) == math.inf
    ours[..., 7:14, 7:14] = 0.1
    assert evaluation.psnr_moving(ours, true, first, second) == pytest.approx(20.0, abs=1e-4)
    assert math.isnan(evaluation.psnr_moving(ours, true, first, first))


def test_line_map_finds_the_line_and_not_the_edge_of_a_fill():
    frame = drawing([40])
    lines = evaluation.line_map(frame)[0, 0]
    assert lines[:, 40:42].all()
    assert not lines[:, :38].any() and not lines[:, 44:].any()
    light_on_dark = evaluation.line_map(1 - frame)[0, 0]
    assert not light_on_dark[:, 40:42].any(), "a light line is not a dark one"


def test_chamfer_of_a_shifted_line_is_its_shift():
    diagonal = math.hypot(64, 96)
    assert evaluation.chamfer_line_distance(drawing([40]), drawing([40])) == 0.0
    lines = evaluation.line_map(drawing([40]))[0, 0]
    width = int(lines[0].sum())
    shift = 7
    # Every pixel of a band of that width, shifted by more than the width, is this far from the other band's near edge.
    mean = np.mean([shift - (width - 1) + k for k in range(width)])
    measured = evaluation.chamfer_line_distance(drawing([40 + shift]), drawing([40]))
    assert measured == pytest.approx(1000 * mean / diagonal, rel=1e-5)


def test_chamfer_is_capped_and_knows_blank_sheets():
    wide, diagonal = 240, math.hypot(64, 240)
    cap = 1000 * 50 / diagonal
    far = evaluation.chamfer_line_distance(drawing([5], width=wide), drawing([200], width=wide))
    assert far == pytest.approx(cap)
    blank = torch.ones(1, 3, 64, wide)
    assert evaluation.chamfer_line_distance(blank, blank) == 0.0
    assert evaluation.chamfer_line_distance(drawing([5], width=wide), blank) == pytest.approx(cap)
    assert evaluation.chamfer_line_distance(blank, drawing([5], width=wide)) == pytest.approx(cap)


def test_chamfer_in_a_mask_counts_the_lines_inside():
    true, ours = drawing([20, 70]), drawing([20, 75])
    mask = torch.zeros(1, 1, 64, 96)
    mask[..., :48] = 1
    assert evaluation.chamfer_line_distance(ours, true, mask=mask) == 0.0
    assert evaluation.chamfer_line_distance(ours, true, mask=1 - mask) > 0.0
    assert math.isnan(evaluation.chamfer_line_distance(ours, true, mask=0 * mask))


def test_sharpness_is_the_strength_of_what_is_drawn_where_something_moves():
    frames = drawing([20, 60]), drawing([28, 60])
    true = drawing([24, 60])
    assert evaluation.sharpness(true, *frames) == pytest.approx(1.0, abs=1e-6)
    pale, twice = 0.5 + 0.5 * true, (frames[0] + frames[1]) / 2
    assert evaluation.sharpness(pale, *frames) == pytest.approx(0.5, abs=1e-6)
    soft = torch.nn.functional.avg_pool2d(true, (1, 3), stride=1, padding=(0, 1), count_include_pad=False)
    assert 0.2 < evaluation.sharpness(soft, *frames) < 0.7
    assert evaluation.sharpness(twice, *frames) == pytest.approx(1.0, abs=1e-6), "two pale lines: others tell them"
    elsewhere = true.clone()
    elsewhere[..., 58:64] = 1.0
    assert evaluation.sharpness(elsewhere, *frames) == pytest.approx(1.0, abs=1e-6), "what stands is not looked at"
    assert math.isnan(evaluation.sharpness(true, frames[0], frames[0]))


def test_score_has_every_measure_and_is_quick():
    ours, true = noisy_pair(360, 640, dtype=torch.float32)
    first, second = noisy_pair(360, 640, seed=1, dtype=torch.float32)
    start = time.perf_counter()
    scores = evaluation.score(ours, true, frame0=first, frame1=second)
    assert time.perf_counter() - start < 2.0
    assert set(scores) == {"psnr", "ssim", "ssim_paper", "ie", "chamfer", "psnr_moving", "sharpness"}
    assert scores["psnr"] == evaluation.psnr(ours, true)
    assert scores["ssim_paper"] == evaluation.ssim(ours, true, protocol="paper")
    assert "psnr_moving" not in evaluation.score(ours, true)


def test_to_8bit_rounds_and_clamps():
    values = torch.tensor([-0.2, 0.5 / 255 + 1e-4, 0.4 / 255, 1.3])
    assert torch.equal(evaluation.to_8bit(values) * 255, torch.tensor([0.0, 1.0, 0.0, 255.0]))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda a: evaluation.psnr(a, a[..., :-1]), "reference"),
        (lambda a: evaluation.psnr(a[:, :2], a), "image"),
        (lambda a: evaluation.ssim(a, a, protocol="mine"), "protocol"),
        (lambda a: evaluation.ssim(a[..., :9], a[..., :9]), "11x11"),
        (lambda a: evaluation.psnr(a, a, mask=torch.ones(1, 1, 3, 3)), "mask"),
        (lambda a: evaluation.sharpness(a[..., :-1], a, a), "frame0"),
        (lambda a: evaluation.moving_pixels((a * 255).to(torch.uint8), a), "frame0"),
    ],
)
def test_wrong_input_is_named(call, said):
    with pytest.raises(AnimeInterpError, match=said):
        call(torch.rand(1, 3, 20, 30))
