"""A film in which all happens that timing has to know of comes out at 60 frames a second with everything in its place."""

import pytest

from animeinterp.cli import main
from tools import made_film


def test_a_film_with_everything_at_60_frames_a_second(tmp_path):
    film, made = tmp_path / "film.mkv", tmp_path / "made.mkv"
    made_film.make(film)
    assert main(["interpolate", str(film), "-o", str(made), "--target-fps", "60", "--loop", "--model", "none", "--quiet"]) == 0
    found = made_film.measure(film, made)
    assert found["frames"] == (34, 105)
    assert found["gaps"] == pytest.approx((1 / 60, 1 / 60), abs=1e-3), "Matroska counts milliseconds"
    assert found["end"][1] == pytest.approx(found["end"][0], abs=2e-3)
    assert found["clicks"][1] == pytest.approx(found["clicks"][0], abs=1e-3)
    assert len(found["given"]) >= 20 and max(found["given"]) < 0.025, "each given frame at its time; what is on twos has moved on"
    for cut, shown, apart in found["cuts"]:
        assert cut - 1 / 12 < shown < cut + 1 / 60 and apart < 0.02, "nothing is blended across a cut"
    assert found["rests"] == 0, "what is on twos before a camera on ones goes on in every frame, up to its last drawing"
    assert found["seam"] < 3, "the last frame leads to the first as any other to the next; a step without it is five of these"
