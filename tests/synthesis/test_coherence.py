"""How well two drawings explain an in-between."""

import torch

from animeinterp.synthesis.coherence import Coherence

STILL = torch.zeros(1, 2, 96, 160)


def picture(seed: int = 0, shift: int = 0) -> torch.Tensor:
    blocks = torch.rand(1, 3, 12, 20, generator=torch.Generator().manual_seed(seed))
    return blocks.repeat_interleave(8, 2).repeat_interleave(8, 3).roll(shift, 3)


def ways(far: float) -> list[torch.Tensor]:
    way = STILL.clone()
    way[:, 0] = far
    return [-way, way]


def test_what_moved_is_found_in_the_drawings_and_what_is_torn_in_neither():
    drawings, made = (picture(shift=-24), picture(shift=24)), picture()
    torn = made.clone()
    torn[..., 40:56, 60:100] = picture(seed=1)[..., 40:56, 60:100].roll(3, 3)
    inner = slice(34, 126)  # from where what went out of a drawing, and came in on its other side, is not seen
    assert float(Coherence(drawings).lack_of(made, ways(24), 4)[..., inner].max()) < 0.02
    unlike = Coherence(drawings).lack_of(torn, ways(24), 4)
    assert float(unlike[..., 44:52, 64:96].mean()) > 0.1
    assert float(unlike[..., :30, inner].max()) < 0.02


def test_the_drawing_that_explains_a_place_better_tells():
    made, other = picture(), picture(seed=1)
    for drawings in ((made, other), (other, made)):
        assert float(Coherence(drawings).lack_of(made, [STILL, STILL], 4).max()) < 1e-3
    assert float(Coherence((other, other)).lack_of(made, [STILL, STILL], 4).mean()) > 0.1
