"""The house: who imports whom. Data flows one way, no room knows the one after it, and nothing goes round in a circle."""

import ast
from pathlib import Path

import pytest

PACK = Path(__file__).resolve().parent.parent
LIBRARY = PACK / "animeinterp"

# What each room may know of the others, beside the modules that all share. An arrow back is not in it.
ROOMS = {
    "runtime": set(),
    "segmentation": set(),
    "matching": {"segmentation"},
    "completion": {"segmentation", "matching", "runtime"},
    "refinement": {"runtime"},
    "synthesis": {"runtime"},
    "sequence": {"runtime"},
    "visualization": {"segmentation", "sequence"},
}
ABOVE = {"stages", "clip", "pipeline", "retiming", "film", "model", "weights", "registry"}  # they know the rooms


SHARED = {"frames", "flow", "images", "dense_flow", "panning", "upsampling", "errors", "alpha", "padding", "value_range"}


def modules() -> dict[str, Path]:
    return {".".join(path.relative_to(PACK).with_suffix("").parts).removesuffix(".__init__"): path
            for path in LIBRARY.rglob("*.py")}


def imported(name: str, path: Path, everywhere: bool) -> set[str]:
    """What a module imports: at its top, or ``everywhere`` in it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found = set()
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            root = ".".join([*base, *([node.module] if node.module else [])])
            found |= {root, *(f"{root}.{alias.name}" for alias in node.names)}
    return found


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    known = modules()
    return {name: {other for other in imported(name, path, False) if other in known and other != name}
            for name, path in known.items()}


def test_the_library_knows_nothing_around_it():
    for name, path in modules().items():
        roots = {other.split(".")[0] for other in imported(name, path, True)}
        assert not roots & {"benchmarks", "tools", "nodes", "tests", "comfy", "comfy_api", "folder_paths"}, name


def test_no_imports_go_round_in_a_circle(graph):
    done, trail = set(), []

    def visit(name):
        assert name not in trail, " -> ".join([*trail[trail.index(name):], name])
        if name in done:
            return
        trail.append(name)
        for other in graph[name]:
            # A package that a module of it imports from runs first anyway: what counts is which of its modules is asked.
            if not name.startswith(other + "."):
                visit(other)
        trail.pop()
        done.add(name)

    for name in graph:
        visit(name)


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_no_arrow_leads_back(graph, room):
    for name, others in graph.items():
        if not name.startswith(f"animeinterp.{room}"):
            continue
        for other in others:
            part = other.split(".")[1] if "." in other else ""
            assert part not in ABOVE, f"{name} imports {other}"
            assert part == room or part not in ROOMS or part in ROOMS[room], f"{name} imports {other}"


def test_what_all_share_knows_no_room(graph):
    for name in SHARED:
        rooms = {other.split(".")[1] for other in graph[f"animeinterp.{name}"] if "." in other} & set(ROOMS)
        assert rooms <= {"runtime"}, f"{name} imports {rooms}"


def test_dense_flow_is_asked_of_one_module():
    callers = [name for name, path in modules().items() if "DISOpticalFlow_create" in path.read_text(encoding="utf-8")]
    assert callers == ["animeinterp.dense_flow"]
