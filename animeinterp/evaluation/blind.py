"""Blind comparison: sheets on which nobody can tell which method drew what, a sealed key, and the count of verdicts.

Scores do not see what people see. ``make_sheets`` puts the in-betweens of two methods side by side, sides drawn by lot;
somebody who has not seen the key writes a line a sheet; ``tally`` reads the lines with the key::

    NN X|Y|tie X:yes|no Y:yes|no words      yes or no: is anything torn, doubled or missing?
"""

from __future__ import annotations

import json
import random
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..datasets.triplets import Triplet, TripletFolder
from ..errors import AnimeInterpError
from . import metrics
from .methods import Draw, Method
from .pictures import ENLARGED, blind_sheet, write_picture
from .runner import Progress

FORM = "NN X|Y|tie X:yes|no Y:yes|no words"

Contestant = tuple[str, Method]  # what was asked for, in the words of who asked, and the method that it stands for

_README = """How to judge these sheets

Every sheet NN.png shows one pair of drawings:
  top row      the first and the last drawing, as they are in the film
  middle row   the drawing half-way between them as two programs made it: X on the left, Y on the right
  bottom row   the place where X and Y differ most, enlarged {enlarged} times: X on the left, Y on the right

Which program is X and which is Y was drawn by lot for every sheet anew. The key is in no file of this folder. Whoever
judges must not see it (blind-key.json, beside the folder), and should not have made the pictures.

For every sheet ask: which of the two would you rather have between these drawings? And of each: is anything torn,
doubled or missing? The true drawing is not shown: judge what you see, as somebody who watches the film does.

Write one line a sheet into a text file, outside this folder:

  {form}

for example

  00 X X:no Y:yes the hand of Y is doubled
  01 tie X:no Y:no

  - the number of the sheet
  - X or Y, the one you prefer, or tie
  - X:yes where anything in X is torn, doubled or missing, X:no where nothing is; the same for Y
  - words of your own, if you like

Lines that do not begin with a number are not read. When all is judged:

  python -m animeinterp evaluate --tally VERDICTS --out THE_FOLDER_ABOVE_THIS_ONE
"""


@dataclass(frozen=True)
class Tally:
    """What the verdicts say. ``asked``: what A and B are. ``preferred`` ("A", "B", "tie") and ``torn`` ("A", "B"): the
    triplets of each; ``answered``: of how many in-betweens of A and of B it was said whether they are torn; ``missing``:
    the sheets without a verdict."""

    asked: dict[str, str]
    preferred: dict[str, list[str]]
    torn: dict[str, list[str]]
    answered: dict[str, int]
    missing: list[str]

    @property
    def verdicts(self) -> int:
        """How many sheets were judged."""
        return sum(len(names) for names in self.preferred.values())

    def percent(self, side: str) -> float:
        """The share of the verdicts that prefer "A" or "B", or are a "tie"."""
        return 100.0 * len(self.preferred[side]) / self.verdicts

    def to_text(self) -> str:
        """The counts as a table, then who won which triplets."""
        titles = {"A": f"A  {self.asked['A']}", "B": f"B  {self.asked['B']}", "tie": "tie"}
        width = max(len(title) for title in titles.values())
        lines = [f"{'':{width}}  preferred       torn, doubled or missing"]
        for side, title in titles.items():
            line = f"{title:{width}}  {len(self.preferred[side]):4d}  {self.percent(side):5.1f} %"
            lines.append(line + (f"  {len(self.torn[side]):4d} of {self.answered[side]}" if side in self.torn else ""))
        for side, title in (("A", "A won"), ("B", "B won"), ("tie", "tie")):
            lines.append(f"{title}: {', '.join(self.preferred[side]) or '-'}")
        for side, names in self.torn.items():
            lines.append(f"{side} torn: {', '.join(names) or '-'}")
        if self.missing:
            share = f"{len(self.missing)} of {len(self.missing) + self.verdicts}"
            lines.append(f"No verdict yet ({share}): {', '.join(self.missing)}")
        return "\n".join(lines)


def sheets_folder(out: Path) -> Path:
    """Where the sheets of ``out`` are."""
    return out / "blind"


def key_file(out: Path) -> Path:
    """Where the key of ``out`` is: beside the folder of sheets, so that the folder can be handed to a judge."""
    return out / "blind-key.json"


def spread(names: Iterable[str]) -> list[str]:
    """``names`` in an order of which any beginning is spread evenly over their groups (a group is what precedes the first
    ``_``): one of each in turn. Within a group they are shuffled, always alike, as neighbours are often of one shot."""
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        groups.setdefault(name.split("_")[0], []).append(name)
    dice = random.Random(0)
    for group in groups.values():
        dice.shuffle(group)
    longest = max((len(group) for group in groups.values()), default=0)
    return [group[turn] for turn in range(longest) for group in groups.values() if turn < len(group)]


def make_sheets(
    triplets: TripletFolder, a: Contestant, b: Contestant, out: Path, *, count: int = 30, lot: int | None = None,
    progress: Progress | None = None,
) -> list[Path]:
    """Draw ``count`` triplets (all, where there are fewer) with two methods; return the sheets.

    Writes ``out``/blind/NN.png and README.txt, and ``out``/blind-key.json beside it. Each method is on the left of half of
    the sheets; of which, ``lot`` decides as a seed. Without one it is drawn here, so that no judge can work it out. The
    triplets and their order do not depend on it. ``progress(done, total)`` is called after each in-between.

    Raises AnimeInterpError where there are sheets already, where A and B are the same, for a broken triplet (unless
    ``triplets`` skips them: then the next takes its place), for what a method raises and for an in-between that is no
    picture of the triplet's size. Sheets of a run that does not end are removed: half a key is none.
    """
    if count < 1:
        raise AnimeInterpError(f"The count of sheets is {count}; it should be 1 or more.")
    if a[1].signature == b[1].signature:
        raise AnimeInterpError(f"{a[0]} and {b[0]} are one and the same method here; they should differ. Name another.")
    folder, key = sheets_folder(out), key_file(out)
    for path in (folder, key):
        if path.exists():
            raise AnimeInterpError(f"{path} is there already, and no sheet or key is overwritten. Choose another --out.")
    methods = {"A": a[1], "B": b[1]}
    # What cannot be loaded is told before anything is written.
    draws = {side: method.make() for side, method in methods.items()}
    lot = secrets.randbelow(2**31) if lot is None else lot
    folder.mkdir(parents=True)
    try:
        written, entries = _write_sheets(triplets, draws, methods, folder, count, lot, progress)
        (folder / "README.txt").write_text(_README.format(form=FORM, enlarged=ENLARGED), encoding="utf-8")
        sides = {side: {"asked": asked, "name": method.name, "signature": method.signature}
                 for side, (asked, method) in (("A", a), ("B", b))}
        content = {**sides, "folder": str(triplets.root), "lot": lot, "sheets": entries}
        with key.open("x", encoding="utf-8") as file:
            file.write(json.dumps(content, indent=1) + "\n")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return written


def _write_sheets(
    triplets: TripletFolder, draws: dict[str, Draw], methods: dict[str, Method], folder: Path, count: int, lot: int,
    progress: Progress | None,
) -> tuple[list[Path], dict[str, dict[str, str]]]:
    """Where the sheets are, and what the key says of each."""
    order = spread(triplets.names)
    count = min(count, len(order))
    digits = max(2, len(str(count - 1)))
    lefts = _sides(count, lot)
    written, entries = [], {}
    for triplet in _whole(triplets, order):
        number = len(written)
        images = {}
        for side, draw in draws.items():
            images[side] = _drawn(draw, methods[side], triplet)
            if progress is not None:
                progress(2 * number + len(images), 2 * count)
        left, right = lefts[number], "B" if lefts[number] == "A" else "A"
        name = f"{number:0{digits}d}"
        sheet = blind_sheet(triplet.frame0, triplet.frame1, images[left], images[right])
        write_picture(folder / f"{name}.png", sheet)
        written.append(folder / f"{name}.png")
        entries[name] = {"triplet": triplet.name, "X": left, "Y": right}
        if len(written) == count:
            break
    if not written:
        raise AnimeInterpError(f"No triplet in {triplets.root} can be shown: {triplets.broken[0].reason}")
    if progress is not None and len(written) < count:
        progress(2 * count, 2 * count)
    return written, entries


def _whole(triplets: TripletFolder, order: list[str]) -> Iterator[Triplet]:
    for name in order:
        triplet = triplets.get(name)
        if triplet is not None:
            yield triplet


def _sides(count: int, lot: int) -> list[str]:
    """Who is on the left of each sheet: either as often as the other, so that a judge who likes one side best says
    nothing about the methods; where ``count`` is odd, who is there once more is by lot too."""
    dice = random.Random(lot)
    first = dice.randrange(2)
    lefts = ["AB"[(number + first) % 2] for number in range(count)]
    dice.shuffle(lefts)
    return lefts


def _drawn(draw: Draw, method: Method, triplet: Triplet) -> Tensor:
    image = metrics.to_8bit(draw(triplet).float().cpu())
    if image.shape != triplet.frame0.shape or not bool(torch.isfinite(image).all()):
        raise AnimeInterpError(
            f"{method.name} drew {tuple(image.shape)} for {triplet.name}; it should be finite and "
            f"{tuple(triplet.frame0.shape)}. Compare other methods, or tell its author."
        )
    return image


def tally(verdicts: Path, key: Path) -> Tally:
    """Count the verdict lines of the file ``verdicts``, with the key that ``make_sheets`` wrote.

    A line that does not begin with a number is no verdict. Raises AnimeInterpError for files that are not there or are
    something else, and, naming the line, for a number that is not in the key or came before, a side other than X, Y and
    tie, and an answer other than yes and no. An answer that is left out counts neither way.
    """
    content = _read_key(key)
    if not verdicts.is_file():
        raise AnimeInterpError(f"{verdicts} is not there; it should be a text file of lines {FORM}. Check the path.")
    sheets, seen = content["sheets"], {}
    numbers = {int(name): name for name in sheets}
    preferred: dict[str, list[str]] = {"A": [], "B": [], "tie": []}
    torn, answered = {"A": [], "B": []}, {"A": 0, "B": 0}
    text = verdicts.read_text(encoding="utf-8-sig", errors="replace")
    for at, line in enumerate(text.splitlines(), start=1):
        found = re.match(r"\s*([0-9]+)[.:)]?(?:\s+(\S+)(.*))?$", line)
        if found is None:
            continue
        where = f"{verdicts}, line {at} ({line.strip()!r})"
        name = numbers.get(int(found[1]))
        if name is None:
            raise AnimeInterpError(f"{where}: there is no sheet {found[1]} in {key}; it should be one of "
                                   f"{min(sheets)} to {max(sheets)}. Correct the number, or give the --out of these sheets.")
        if name in seen:
            raise AnimeInterpError(f"{where}: sheet {name} has a verdict in line {seen[name]}. Keep one of the two.")
        seen[name] = at
        sheet = sheets[name]
        side = {"x": "X", "y": "Y", "tie": "tie"}.get((found[2] or "").rstrip(",;.:").lower())
        if side is None:
            raise AnimeInterpError(f"{where}: the side is {found[2] or 'missing'}; it should be X, Y or tie. Write {FORM}.")
        preferred[sheet.get(side, "tie")].append(sheet["triplet"])
        for drawn, answer in _answers(found[3], where).items():
            answered[sheet[drawn]] += 1
            if answer:
                torn[sheet[drawn]].append(sheet["triplet"])
    if not seen:
        raise AnimeInterpError(f"{verdicts} holds no verdict; it should hold lines {FORM}, each beginning with its number.")
    asked = {side: content[side]["asked"] for side in "AB"}
    return Tally(asked, preferred, torn, answered, [name for name in sheets if name not in seen])


def _answers(rest: str, where: str) -> dict[str, bool]:
    """Whether X and Y are torn, as the beginning of the rest of a verdict line says; what follows is words."""
    answers: dict[str, bool] = {}
    while found := re.match(r"[\s,;]*([XYxy])\s*:\s*(\w*)", rest):
        drawn, word = found[1].upper(), found[2].lower()
        if drawn in answers:
            break  # the words may speak of X: or Y: again
        if word not in ("yes", "no"):
            raise AnimeInterpError(f"{where}: of {drawn} it says {word or 'nothing'!r}; it should be {drawn}:yes where "
                                   f"anything is torn, doubled or missing, else {drawn}:no.")
        answers[drawn] = word == "yes"
        rest = rest[found.end() :]
    return answers


def _read_key(key: Path) -> dict:
    if not key.is_file():
        raise AnimeInterpError(f"{key} is not there; it is made with the sheets, by --blind. Give the --out of the sheets.")
    try:
        content = json.loads(key.read_text(encoding="utf-8"))
        named = [(int(name), sheet["triplet"]) for name, sheet in content["sheets"].items()
                if {sheet["X"], sheet["Y"]} == {"A", "B"}]
        whole = len(named) == len(content["sheets"]) > 0 and all("asked" in content[side] for side in "AB")
    except (ValueError, TypeError, KeyError, AttributeError):
        whole = False
    if not whole:
        raise AnimeInterpError(f"{key} is no key of sheets; it should be the file that --blind wrote. Make the sheets again.")
    return content
