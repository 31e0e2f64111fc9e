"""Both frames of a pair side by side."""

import threading

import pytest
import torch

from animeinterp.runtime.sides import for_both

CPU = torch.device("cpu")


@torch.no_grad()
def test_both_are_at_work_at_once_and_come_in_their_order():
    meet = threading.Barrier(2, timeout=10)  # passed by two only
    assert for_both(lambda side: (meet.wait() >= 0, side), CPU) == ((True, 0), (True, 1))


def test_with_gradients_one_comes_after_the_other_in_the_caller_s_thread():
    weight, seen = torch.ones(1, requires_grad=True), []

    def work(side):
        seen.append((side, threading.get_ident()))
        return side * weight

    for_both(work, CPU)[1].backward()
    assert weight.grad == 1 and seen == [(0, threading.get_ident()), (1, threading.get_ident())]


@pytest.mark.parametrize("inference", [False, True])
def test_the_caller_s_modes_hold(inference):
    with torch.inference_mode(inference), torch.no_grad():
        weight = torch.ones(2, requires_grad=True)
        made = for_both(lambda side: (weight * side, torch.is_inference_mode_enabled()), CPU)
    assert [mode for _, mode in made] == [inference] * 2 and not any(x.requires_grad for x, _ in made)


@torch.no_grad()
def test_what_goes_wrong_with_either_is_raised():
    with pytest.raises(ZeroDivisionError):
        for_both(lambda side: 1 / (1 - side), CPU)
