"""What workers of a test's cluster do: tasks that leave traces, and break in one way or another."""

import os
import resource
import signal
import time
from dataclasses import dataclass

import ray

from animeinterp.errors import AnimeInterpError
from animeinterp.film import Recipe
from animeinterp.training.warped import draw_warped


class Writing:
    """Writes a task's number to a file of its own; ``how`` may break it."""

    def __init__(self, folder, how=lambda folder, task: None):
        self.folder, self.how = folder, how

    def __call__(self):
        def do(task):
            with open(self.folder / "begun", "a") as file:
                file.write(f"{task} {os.getpid()}\n")
            self.how(self.folder, task)
            (self.folder / f"{task}.done").write_text(str(task))
            return task * task

        return do


def dies_once(folder, task):
    if task == 3 and not (folder / "died").exists():
        (folder / "died").write_text("")
        os.kill(os.getpid(), signal.SIGKILL)


def hangs_once(folder, task):
    if task == 5 and not (folder / "hung").exists():
        (folder / "hung").write_text("")
        time.sleep(60)


def missing(folder, task):
    if task == 4:
        raise AnimeInterpError("drawing_0004.png is not there")


def begun(folder):
    return [int(line.split()[0]) for line in (folder / "begun").read_text().splitlines()]


def nothing(folder, task):
    pass


def on_the_third(folder, task):
    """A task on the node that goes down lasts; the others wait until it is begun."""
    begun = folder / "begun there"
    if ray.get_runtime_context().get_node_id() == (folder / "third").read_text():
        begun.write_text("")
        time.sleep(120)
    until = time.monotonic() + 60
    while not begun.exists() and time.monotonic() < until:
        time.sleep(0.05)


def for_two(folder, task):
    until = time.monotonic() + 60
    while len(who_began(folder)) < 2 and time.monotonic() < until:
        time.sleep(0.05)


def who_began(folder):
    return {line.split()[1] for line in (folder / "begun").read_text().splitlines()}


def draws_and_dies_once(seed, folder, **how):
    if seed == 1 and not (died := folder.with_name("died")).exists():
        died.write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    return draw_warped(seed, folder, **how)


@dataclass(frozen=True)
class Cramped(Recipe):
    """Workers that find no room for a segment, as on a full disk: the first one always, or each after its first segment."""

    def __call__(self):
        draw = super().__call__()
        only_first = not (self.folder / "all are cramped").exists()
        cramped = only_first and self._first()
        before = resource.getrlimit(resource.RLIMIT_FSIZE)

        def limited(segment):
            nonlocal cramped
            if cramped:
                resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
            try:
                return draw(segment)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)
                cramped = cramped or not only_first

        return limited

    def _first(self):
        try:
            os.close(os.open(self.folder / "first", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True
