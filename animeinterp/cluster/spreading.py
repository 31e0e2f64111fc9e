"""Tasks spread over workers that may die: each done whole once, tried again elsewhere, never more in flight than workers.

A worker is a Ray actor that makes its tool once (a model, an open film) and does one task at a time. What it gives back is
small; what it makes lies where all can reach it, published whole under its name, so that a task done twice does no harm.
"""

from __future__ import annotations

import logging
import os
import queue
import socket
import statistics
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Generic, TypeVar

from ..errors import AnimeInterpError
from .connection import Cluster, ray_module

Task = TypeVar("Task")
Result = TypeVar("Result")
TRIES = 3  # of a task, before it is taken for one that cannot be done; a worker that is lost over it counts half
GIVEN_UP = 3  # tasks that cannot be done, before the rest is not tried
SLOW, PATIENT = 3.0, 10.0  # a straggler takes so many times the median, and so many seconds at least
PAUSES = (0.5, 2.0, 8.0, 30.0)  # seconds that a worker rests after failures in a row, while others work
POLL = 0.2
ARRIVAL = 60.0  # seconds in which a worker is expected to be there

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Spread(Generic[Task, Result]):
    """What is to be done: ``make`` is called once in each worker and gives what does a task; both travel by pickle. ``name``
    tells of a task in errors and logs; ``title`` of all of them, on Ray's dashboard too."""

    title: str
    make: Callable[[], Callable[[Task], Result]]
    name: Callable[[Task], str] = str


@dataclass
class Report:
    """How it went. ``busy`` is the seconds that workers spent on what counts, ``wall`` those that passed."""

    done: int = 0
    retried: int = 0
    lost: int = 0  # workers
    doubled: int = 0
    busy: float = 0.0
    loading: float = 0.0
    wall: float = 0.0

    @property
    def speed_up(self) -> float:
        """Over one worker that would have done the same, one task after the other."""
        return self.busy / self.wall if self.wall else 0.0


@dataclass
class _Worker:
    """A worker as the driver knows it; ``job`` is what it is at, since ``begun``."""

    number: int
    actor: Any
    node: str = ""
    ready: bool = False
    job: Any = None
    begun: float = 0.0
    failures: int = 0
    rests_until: float = 0.0
    hired: float = field(default_factory=time.monotonic)


@dataclass
class _State(Generic[Task]):
    """The tasks, by where they are."""

    waiting: deque[Task]
    left: set[Task]
    tries: dict[Task, float] = field(default_factory=dict)
    failed_at: dict[Task, set[str]] = field(default_factory=dict)
    given_up: dict[Task, str] = field(default_factory=dict)


class _Actor:
    """Lives in a process of the cluster. Failures are told, not raised: what is raised there may not be known here."""

    def __init__(self, make: Callable[[], Callable[[Any], Any]]) -> None:
        self._make, self._do = make, None

    def begin(self) -> tuple[str, Any, float]:
        """Make the tool; where this is, and how long it took."""
        begun = time.perf_counter()
        node = f"{socket.gethostname()}/{ray_module().get_runtime_context().get_node_id()[:8]}"
        try:
            self._do = self._make()
        except Exception as error:
            return node, _told(error), time.perf_counter() - begun
        return node, None, time.perf_counter() - begun

    def do(self, task: Any) -> tuple[Any, str | None, float]:
        """Do a task: its result, or what went wrong; and how long it took."""
        begun = time.perf_counter()
        try:
            return self._do(task), None, time.perf_counter() - begun
        except Exception as error:
            return None, _told(error), time.perf_counter() - begun


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, AnimeInterpError) else f"{type(error).__name__}: {error}"


def spread(
    tasks: Sequence[Task],
    work: Spread[Task, Result],
    cluster: Cluster,
    done: Callable[[Task, Result], None],
    *,
    waiting: Callable[[], None] = lambda: None,
) -> Report:
    """Do all ``tasks``, each whole; ``done`` hears of each once, in this thread, as they come. Within ``connect``.

    Where a worker dies, or a task fails, it is tried again, elsewhere where there is an elsewhere; when no task waits, those that
    take long are begun once more, and the first whole result counts. ``waiting`` is called often. Raises AnimeInterpError for
    tasks that failed three times each, after all others are done (after three such, at once): what is done is kept.
    """
    state = _State(deque(tasks), set(tasks))
    report, begun = Report(), time.perf_counter()
    crew = _Crew(work, cluster, report, min(cluster.room(), len(state.left)))
    try:
        while state.left:
            crew.hand_out(state)
            for task, result in crew.heard(state):
                report.done += 1
                done(task, result)
            waiting()
            if len(state.given_up) >= GIVEN_UP or state.left <= set(state.given_up):
                break
    finally:
        report.wall = time.perf_counter() - begun
        crew.end()
    if state.given_up:
        task, why = next(iter(state.given_up.items()))
        raise AnimeInterpError(
            f"{len(state.given_up)} of {len(tasks)} tasks of {work.title} failed again and again; {work.name(task)}: {why} "
            "What was done is kept: mend that, and go on."
        )
    return report


class _Crew(Generic[Task, Result]):
    """The workers of a spread, and what is heard of them."""

    def __init__(self, work: Spread[Task, Result], cluster: Cluster, report: Report, size: int) -> None:
        self._ray, self._work, self._cluster, self._report = ray_module(), work, cluster, report
        self._news: queue.SimpleQueue[tuple[str, _Worker, Any]] = queue.SimpleQueue()
        self._numbers, self._workers = count(1), []
        self._seconds: deque[float] = deque(maxlen=200)
        self._never_began = 0
        self._remote = self._ray.remote(_Actor)
        self._make = self._ray.put(work.make)
        for _ in range(size):
            self._hire()

    def _hire(self) -> None:
        number = next(self._numbers)
        actor = self._remote.options(
            num_cpus=self._cluster.cpus, num_gpus=self._cluster.gpus, max_restarts=0,
            name=f"{self._work.title}, worker {number} of {os.getpid()}",
        ).remote(self._make)
        worker = _Worker(number, actor)
        self._workers.append(worker)
        self._hear("began", worker, actor.begin.options(name=f"{self._work.title}: load").remote())

    def _hear(self, what: str, worker: _Worker, reference: Any) -> None:
        reference.future().add_done_callback(lambda future: self._news.put((what, worker, future)))

    def hand_out(self, state: _State[Task]) -> None:
        """Give each worker that is free a task: one that waits, or one that somebody is slow at."""
        now = time.monotonic()
        free = [w for w in self._workers if w.ready and w.job is None and w.rests_until <= now]
        for worker in free:
            task = self._choose(worker, state)
            if task is None:
                continue
            worker.job, worker.begun = task, now
            # One name for all: the driver would keep each that it ever heard of. A task's own stands in errors.
            self._hear("did", worker, worker.actor.do.options(name=f"{self._work.title}: task").remote(task))

    def _choose(self, worker: _Worker, state: _State[Task]) -> Task | None:
        now = time.monotonic()  # one that is not there yet is an elsewhere, unless there is no room for it
        others = {w.node for w in self._workers if w is not worker and (w.ready or now - w.hired < ARRIVAL)}
        for _ in range(min(len(state.waiting), 16)):
            task = state.waiting.popleft()
            failed = state.failed_at.get(task, ())
            if worker.node not in failed or not others - set(failed):
                return task
            state.waiting.append(task)
        if state.waiting or not self._seconds:
            return None
        limit = max(SLOW * statistics.median(self._seconds), PATIENT)
        jobs = Counter(w.job for w in self._workers if w.job is not None)
        slow = [w for w in self._workers if w.job in state.left and jobs[w.job] == 1 and time.monotonic() - w.begun > limit]
        if not slow:
            return None
        self._report.doubled += 1
        return min(slow, key=lambda w: w.begun).job

    def heard(self, state: _State[Task]) -> list[tuple[Task, Result]]:
        """What came in: waits for a moment where nothing has."""
        news, found = [], []
        try:
            news.append(self._news.get(timeout=POLL))
            while True:
                news.append(self._news.get_nowait())
        except queue.Empty:
            pass
        for what, worker, future in news:
            task, worker.job = worker.job, None
            try:
                told = future.result()
            except Exception as error:  # Ray's own: the process or its machine is gone
                self._replace(worker, task, f"a worker was lost ({str(error).splitlines()[0]})", state)
                continue
            if what == "began":
                self._begun(worker, *told)
                continue
            result, wrong, seconds = told
            if wrong is not None:
                worker.failures += 1
                worker.rests_until = time.monotonic() + PAUSES[min(worker.failures, len(PAUSES)) - 1]
                self._again(task, worker, wrong, state, 1.0)
                continue
            worker.failures = 0
            if task in state.left:
                state.left.discard(task)
                state.given_up.pop(task, None)
                self._seconds.append(seconds)
                self._report.busy += seconds
                found.append((task, result))
        return found

    def _begun(self, worker: _Worker, node: str, wrong: str | None, seconds: float) -> None:
        worker.node = node
        if wrong is None:
            worker.ready = True
            self._report.loading += seconds
            return
        self._workers.remove(worker)
        self._ray.kill(worker.actor)
        if not self._workers:
            raise AnimeInterpError(f"No worker of {self._work.title} could begin, the last one on {node}: {wrong}")
        _log.warning("A worker on %s cannot begin: %s", node, wrong)

    def _replace(self, worker: _Worker, task: Task | None, why: str, state: _State[Task]) -> None:
        if worker not in self._workers:
            return
        self._workers.remove(worker)
        self._report.lost += 1
        if not worker.ready:
            self._never_began += 1
            if self._never_began > 3 * len(self._workers) + 3:
                raise AnimeInterpError(f"Workers of {self._work.title} are lost as they begin: {why}. Have they memory enough?")
        if task is not None:
            self._again(task, worker, why, state, 0.5)  # most likely no fault of the task's
        self._hire()

    def _again(self, task: Task, worker: _Worker, why: str, state: _State[Task], weight: float) -> None:
        if task not in state.left or task in state.waiting or any(w.job == task for w in self._workers):
            return
        state.tries[task] = state.tries.get(task, 0.0) + weight
        state.failed_at.setdefault(task, set()).add(worker.node)
        _log.info("%s: %s, %g tries: %s", self._work.title, self._work.name(task), state.tries[task], why)
        if state.tries[task] >= TRIES:
            state.given_up[task] = why
            return
        self._report.retried += 1
        state.waiting.appendleft(task)

    def end(self) -> None:
        """Dismiss all: none is at work any longer when this returns, but for those on machines that do not answer."""
        for worker in self._workers:
            self._ray.kill(worker.actor)
        until = time.monotonic() + 10.0
        busy = {worker.number for worker in self._workers if worker.job is not None}
        while busy and time.monotonic() < until:
            try:
                busy.discard(self._news.get(timeout=POLL)[1].number)
            except queue.Empty:
                pass
