"""What the training's tests share: one thread, and a few small samples of the painter's."""

import pytest
from toy import SMALL

from animeinterp.training.paint import HELD_OUT
from animeinterp.training.warped import make_warped


@pytest.fixture(scope="module", autouse=True)
def _small(one_thread):
    """All tests here."""


@pytest.fixture(scope="session")
def carried_samples(tmp_path_factory):
    """A cache of two samples of SMALL to train on and one to report on. Read only."""
    folder = tmp_path_factory.mktemp("warped")
    assert make_warped(folder, [0, 1, HELD_OUT], size=SMALL) == 3
    return folder
