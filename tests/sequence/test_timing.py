"""Which output frame lies where: tables of what goes in and what comes out."""

from fractions import Fraction as F

import pytest

from animeinterp.errors import AnimeInterpError
from animeinterp.sequence.plan import make_plan
from animeinterp.sequence.timing import Timing


def at(rate, count):
    return [F(k) / F(rate) for k in range(count)]


def shown(plan):
    """Each step as a place in the source: 1.5 between frames 1 and 2; as text, short to compare."""
    return [step.first if step.given else round(step.first + step.t, 4) for step in plan.steps]


def plan(count=4, rate=24, *, held=(), found=(), speeds=None, end=None, **timing):
    return make_plan(at(rate, count), Timing(**timing), held=held, cuts=found, speeds=speeds, end=end)


@pytest.mark.parametrize(
    "given, wanted",
    [
        (dict(multiplier=1), [0, 1, 2, 3]),
        (dict(multiplier=2), [0, 0.5, 1, 1.5, 2, 2.5, 3]),
        (dict(multiplier=2, loop=True), [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5]),
        (dict(multiplier=2, skip=(1,)), [0, 0.5, 1, 1, 2, 2.5, 3]),
        (dict(multiplier=3, cuts="2"), [0, 0.3333, 0.6667, 1, 2, 2, 2, 2.3333, 2.6667, 3]),
        (dict(multiplier=3, cuts="2", cut_side="left"), [0, 0.3333, 0.6667, 1, 1, 1, 2, 2.3333, 2.6667, 3]),
        (dict(multiplier=4, cuts="2", cut_side="split"), [0, 0.25, 0.5, 0.75, 1, 1, 2, 2, 2, 2.25, 2.5, 2.75, 3]),
        (dict(multiplier=3, cuts="2", schedule="1-2: hold"), [0, 0.3333, 0.6667, 1, 1, 1, 2, 2.3333, 2.6667, 3]),
        (dict(multiplier=3, cuts="2", skip=(1,)), [0, 0.3333, 0.6667, 1, 1, 1, 2, 2.3333, 2.6667, 3]),
        (dict(multiplier=2, found=(2,)), [0, 0.5, 1, 2, 2, 2.5, 3]),
        (dict(multiplier=2, found=(2,), cuts="off"), [0, 0.5, 1, 1.5, 2, 2.5, 3]),
        (dict(multiplier=2, cuts="0.0833s"), [0, 0.5, 1, 2, 2, 2.5, 3]),
        (dict(multiplier=2, found=(0,), loop=True), [0, 0.5, 1, 1.5, 2, 2.5, 3, 3]),
        # Drawings on twos, 0 0 2 2 and on: half as fast, from drawing to drawing, drawn from each one's last frame.
        (dict(multiplier=2, held=(1, 3)), [0, 1.25, 1.5, 1.75, 2, 2, 3]),
        (dict(multiplier=1, held=(1, 3)), [0, 1.5, 2, 3]),
        (dict(multiplier=1, held=(1, 3), holds="keep"), [0, 1, 2, 3]),
        (dict(multiplier=2, held=(1, 3), holds="drop"), [0, 1.5, 2]),
        (dict(multiplier=1, held=(1, 2), loop=True), [0, 2.3333, 2.6667, 3]),
        (dict(multiplier=1, held=(1, 3), loop=True), [0, 1.5, 2, 3.5]),
        (dict(multiplier=2, pace="ease-in"), [0, 0.25, 1, 1.25, 2, 2.25, 3]),
        (dict(multiplier=2, pace="ease-out"), [0, 0.75, 1, 1.75, 2, 2.75, 3]),
        (dict(schedule="0-1: x4; 1-2: hold; 2-: 1/4 ease-in"), [0, 0.25, 0.5, 0.75, 1, 1, 2, 2.0625, 3]),
        (dict(schedule="0-2: x1", multiplier=3), [0, 1, 2, 2.3333, 2.6667, 3]),
        (dict(schedule="0-3: ease", multiplier=4), [0, 0.1562, 0.5, 0.8438, 1, 1.1562, 1.5, 1.8438, 2, 2.1562, 2.5, 2.8438, 3]),
        (dict(schedule="0-2: x2", multiplier=1, held=(1, 3)), [0, 0.5, 1, 1.5, 2, 3]),
        (dict(target_fps=F(60)), [0, 0.4, 0.8, 1.2, 1.6, 2, 2.4, 2.8, 3, 3]),
        (dict(target_fps=F(12)), [0, 2]),
        (dict(target_fps=F(36)), [0, 0.6667, 1.3333, 2, 2.6667, 3]),
        (dict(target_fps=F(60), loop=True), [0, 0.4, 0.8, 1.2, 1.6, 2, 2.4, 2.8, 3.2, 3.6]),
        (dict(target_fps=F(24), held=(1, 3)), [0, 1.5, 2, 3]),
        (dict(target_fps=F(48), schedule="0-1: hold; 1-2: ease-in"), [0, 0, 1, 1.25, 2, 2.5, 3, 3]),
    ],
)  # fmt: skip
def test_table(given, wanted):
    assert shown(plan(**given)) == wanted


def test_rates_and_lengths():
    for source, target in ((F(24000, 1001), 60), (12, 24), (30, 12), (24, 25), (25, F(60000, 1001))):
        found = plan(count=100, rate=source, target_fps=F(target))
        assert found.rate == target
        duration = 100 / F(source)
        assert abs(found.end - duration) < 1 / F(target), "as long as it was"
        assert shown(found)[0] == 0 and shown(found)[-1] >= min(99, 100 - 2.5 * float(F(source) / target))
    assert plan(multiplier=3).rate == 72
    assert plan(multiplier=2, held=(1, 3), holds="drop").rate == 24
    assert plan(schedule="0-1: x4").rate is None


@pytest.mark.slow
def test_an_hour_does_not_drift():
    rate = F(24000, 1001)
    found = plan(count=86314, rate=rate, target_fps=F(60))
    assert found.steps[-1].time == F(len(found.steps) - 1, 60)
    assert abs(found.end - 86314 / rate) < F(1, 60)
    # What is shown is what the source has at that time.
    for step in found.steps[::997]:
        place = step.time * rate
        at = step.first + (0 if step.given else F(step.t))
        assert abs(float(at - place)) <= 0.05 or step.first == 86313


def test_given_frames_are_kept_where_a_containers_clock_has_rounded_their_times():
    times = [F(round(1000 * k / 24), 1000) for k in range(48)]
    found = make_plan(times, Timing(target_fps=F(48)))
    assert len(found.steps) == 96
    assert [step.first for step in found.steps[::2]] == list(range(48))
    assert all(step.given for step in found.steps[::2])
    assert all(abs(step.t - 0.5) < 0.03 for step in found.steps[1:-1:2])


def test_times_of_variable_rate_are_kept():
    times = [F(0), F(1, 10), F(3, 10), F(4, 10)]
    found = make_plan(times, Timing(multiplier=2))
    assert [step.time for step in found.steps] == [F(0), F(1, 20), F(1, 10), F(1, 5), F(3, 10), F(7, 20), F(2, 5)]
    # At a fixed rate, the long frame's motion is the slower.
    assert shown(make_plan(times, Timing(target_fps=F(20)))) == [0, 0.5, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3]


def test_what_stands_long_rests_before_it_moves():
    # 0 for six frames, then drawings on twos: the last two of the six move.
    found = plan(count=10, multiplier=1, held=(1, 2, 3, 4, 5, 7, 9))
    assert shown(found) == [0, 1, 2, 3, 4, 5.5, 6, 7.5, 8, 9]
    longer = plan(count=10, multiplier=1, held=(1, 2, 3, 4, 5, 7, 9), longest_span=F(6))
    assert shown(longer)[:7] == [0, 5.1667, 5.3333, 5.5, 5.6667, 5.8333, 6]
    # One frame of two seconds among tenths.
    times = [F(0), F(1, 10), F(21, 10), F(22, 10), F(23, 10)]
    steps = make_plan(times, Timing(multiplier=2)).steps
    assert [float(step.time) for step in steps[2:5]] == [0.1, 2.05, 2.1]
    assert steps[3].t == 0.5


def test_a_held_drawing_is_one_drawing_in_a_list_of_cuts_too():
    # 0 0 2 2 | 4 4: the cut comes after a held frame.
    found = plan(count=6, multiplier=2, held=(1, 3, 5), cuts="4")
    assert shown(found) == [0, 1.25, 1.5, 1.75, 2, 2, 3, 4, 4, 4, 5]


def test_continuous_pace_is_exact_under_constant_acceleration():
    # A place of k^2 / 2 at frame k: ways of 0.5, 1.5, 2.5.
    speeds = {1: (None, 3.0), 2: (1 / 3, 5 / 3), 3: (3 / 5, None)}
    found = plan(multiplier=2, pace="continuous", speeds=speeds)
    places = [0, 0.5, 2.0, 4.5]
    for step in found.steps:
        k = float(step.time * 24)
        place = places[step.first] + step.t * (places[step.second] - places[step.first])
        assert place == pytest.approx(k * k / 2, abs=1e-6)


def test_continuous_pace_never_goes_backward():
    found = plan(count=3, multiplier=16, pace="continuous", speeds={1: (None, 9.0), 2: (9.0, None)})
    ways = [step.first + step.t for step in found.steps]
    assert ways == sorted(ways)
    assert all(0 <= step.t <= 1 for step in found.steps)


@pytest.mark.parametrize(
    "given, complaint",
    [
        (dict(multiplier=0), "multiplier is 0; it should be a whole number from 1"),
        (dict(target_fps=F(0)), "target_fps is 0; it should be"),
        (dict(holds="merge"), "holds is 'merge'; it should be one of smooth, keep, drop"),
        (dict(cuts="4"), 'cuts is "4"; it should be auto, off, or frames from 1 to 3'),
        (dict(cuts="often"), 'cuts is "often"; it should be auto'),
        (dict(schedule="0-2: x2; 1-3: x3"), "0-2 and 1-3 overlap"),
        (dict(schedule="0-9: x2"), "frames 0 to 9; the clip has frames 0 to 3"),
        (dict(schedule="0-2 x2"), 'schedule holds "0-2 x2"; it should be spans such as'),
        (dict(schedule="0-2: fast"), '"fast" is unknown'),
        (dict(schedule="0-2: hold x2"), "of x2, moments and hold a span should have one"),
        (dict(schedule="0-2: 1.5"), "moments should be between 0 and 1"),
        (dict(schedule="0-2: x2", target_fps=F(60)), "and there is a target rate too"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(given, complaint):
    with pytest.raises(AnimeInterpError, match=complaint):
        plan(**given)


def test_times_that_do_not_rise():
    with pytest.raises(AnimeInterpError, match="each later than the one before"):
        make_plan([F(0), F(1), F(1)], Timing())
