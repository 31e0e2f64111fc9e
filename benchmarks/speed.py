"""README's table of speed, measured here: ours and the peers, at the sizes that people use.

    python benchmarks/speed.py --peers-from FOLDER      measures (a quarter of an hour, 2 cores), writes speed.json
                                                        beside this and the table into README.md
    python benchmarks/speed.py --from speed.json        writes the table of what was measured before

It runs ``python -m animeinterp benchmark`` once for each of RUNS: what takes long is done fewer times, and at 4K one in-between
alone.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from animeinterp.cli import main as animeinterp
from animeinterp.cli import say
from animeinterp.evaluation.speed import whole_name
from animeinterp.evaluation.speed_tables import nbytes

PACK = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- speed: benchmarks/speed.py writes here -->", "<!-- speed: end -->"
WAYS = ("--ways", "bundled", "weights-free", "--drawings", "anew", "cutouts")
RUNS = (
    ("--sizes", "960x540", "--multipliers", "2", "8", "--runs", "3"),
    ("--sizes", "1920x1080", "--multipliers", "2", "8", "--runs", "1"),
    ("--sizes", "3840x2160", "--multipliers", "2", "--runs", "1", "--warm-up", "0"),  # warm from those before
)
NAMES = {
    ("bundled", "anew"): "**bundled, drawn anew**", ("bundled", "cutouts"): "bundled, cut-outs",
    ("weights-free", "anew"): "without weights, drawn anew", ("weights-free", "cutouts"): "without weights, cut-outs",
    ("rife", "anew"): "RIFE", ("gmfss", "anew"): "GMFSS", ("gmfss-union", "anew"): "GMFSS union",
}


def measure(options: argparse.Namespace) -> dict:
    """All runs as one report of ``benchmark``."""
    reports = []
    with tempfile.TemporaryDirectory() as folder:
        for number, run in enumerate(RUNS):
            if options.sizes:
                run = ("--sizes", *options.sizes, "--multipliers", "2", "8", "--runs", "1")
                if number:
                    break
            file = Path(folder) / f"{number}.json"
            arguments = ["benchmark", *WAYS, *run, "--json", str(file)]
            if options.peers_from is not None:
                arguments += ["--peers", options.peers, "--peers-from", str(options.peers_from)]
            if options.devices:
                arguments += ["--devices", *options.devices]
            if animeinterp(arguments):
                sys.exit(1)
            reports.append(json.loads(file.read_text(encoding="utf-8")))
    return {**reports[0], "results": [result for report in reports for result in report["results"]]}


def table(report: dict) -> str:
    """The report as Markdown: the machine, seconds a pair and the most memory of a row."""
    machine = report["machine"]
    where = ", ".join(machine["gpus"].values()) or f"{machine['cpu']}, {machine['usable_cores']} cores"
    if machine["load_average"] is not None:
        where += f", load before it {machine['load_average']}"
    multipliers = report["settings"]["multipliers"]
    runs = {result["size"]: len(result["rows"][-1]["runs"]) for result in report["results"]}
    many = ", ".join(f"{count} at {size}" for size, count in runs.items())
    lines = [
        f"Seconds a pair, the median of several ({many}) in one run; {where}, "
        f"torch {machine['torch']} on {machine['torch_threads']} threads:", "",
        "| | " + " | ".join(f"x{m}" for m in multipliers) + " | peak memory |", "| --- |" + " --- |" * (len(multipliers) + 1),
    ]
    for result in report["results"]:
        name = NAMES.get((result["way"], result["drawings"]))
        if name is None:  # a peer draws both alike
            continue
        rows = {row["stage"]: row for row in result["rows"]}
        wholes = [rows.get(whole_name(m)) for m in multipliers]
        peaks = [row["peak_bytes"] for row in wholes if row is not None and row["peak_bytes"] is not None]
        cells = ["" if row is None else f"{row['seconds']:.2f}" for row in wholes]
        lines.append(f"| {result['size']}, {name} | " + " | ".join(cells) + f" | {nbytes(max(peaks, default=None))} |")
    return "\n".join(lines)


def write(text: str, readme: Path) -> None:
    """Put ``text`` between the marks in ``readme``."""
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        sys.exit(f"{readme} lacks the marks {BEGIN} and {END}; put them where the table belongs.")
    readme.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="measured", type=Path, metavar="JSON", help="write the table of this, measure nothing")
    parser.add_argument("--peers", default="rife", help="default: rife; gmfss-union takes minutes a pair on a CPU")
    parser.add_argument("--peers-from", type=Path, metavar="FOLDER", help="where their wheels are; without it, no peers")
    parser.add_argument("--devices", nargs="+", help="default: the GPU, else the CPU")
    parser.add_argument("--sizes", nargs="+", metavar="WxH", help="to try it: these alone, one run")
    parser.add_argument("--json", type=Path, default=Path(__file__).with_name("speed.json"), help="default: beside this")
    parser.add_argument("--readme", type=Path, default=PACK / "README.md")
    options = parser.parse_args()
    if options.measured is None:
        report = measure(options)
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    else:
        report = json.loads(options.measured.read_text(encoding="utf-8"))
    text = table(report)
    write(text, options.readme)
    say(text)


if __name__ == "__main__":
    main()
