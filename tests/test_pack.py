"""The walls of the house: who may import whom, and what the pack tells ComfyUI, the registry and pip."""

import ast
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import install

PACK = Path(__file__).resolve().parent.parent
LIBRARY = sorted((PACK / "animeinterp").rglob("*.py"))
HOST_MODULES = {"comfy", "comfy_api", "comfy_extras", "comfy_execution", "folder_paths", "nodes", "server", "execution"}


def imports(file: Path) -> list[tuple[int, str]]:
    """(level, module) of every import in a file, wherever it stands."""
    found = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [(0, name.name) for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.level, node.module or ""))
    return found


@pytest.mark.parametrize("file", LIBRARY, ids=lambda file: str(file.relative_to(PACK)))
def test_the_library_knows_nothing_of_comfyui_and_imports_itself_relatively(file):
    for level, module in imports(file):
        if level == 0:
            top = module.split(".")[0]
            assert top not in HOST_MODULES, f"{file} imports {module}"
            assert top not in ("animeinterp", "tools"), f"{file} imports {module}; inside ComfyUI it has another name"


def test_nodes_import_the_library_relatively():
    for file in (PACK / "nodes").glob("*.py"):
        assert not {module for level, module in imports(file) if level == 0} & {"animeinterp", "tools"}, file


def test_importing_the_library_decides_nothing():
    """No device is asked for, no thread count or default dtype set, and nothing printed."""
    script = """
import torch
def state():
    return torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_rng_state().sum()
before = state()
import animeinterp, animeinterp.model, animeinterp.weights, animeinterp.media
assert not torch.cuda.is_initialized()
assert before == state()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=PACK)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


def test_the_entry_can_be_imported_without_comfyui():
    """Test runners and linters import it; ComfyUI takes two names from it."""
    specification = importlib.util.spec_from_file_location("entry", PACK / "__init__.py")
    entry = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(entry)
    assert {name for name in vars(entry) if not name.startswith("__")} == {"WEB_DIRECTORY", "comfy_entrypoint"}
    assert (PACK / entry.WEB_DIRECTORY / "docs").is_dir()


def test_pip_manager_and_registry_are_told_the_same():
    project = (PACK / "pyproject.toml").read_text("utf-8")
    listed = json.loads(re.search(r"^dependencies = (\[.*\])$", project, re.MULTILINE)[1])
    required = [line for line in (PACK / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert listed == required
    assert not {"torch", "torchvision", "torchaudio", "cupy"} & set(required), "ComfyUI brings torch"
    version = re.search(r'^version = "(.*)"$', project, re.MULTILINE)[1]
    assert f'__version__ = "{version}"' in (PACK / "animeinterp" / "__init__.py").read_text("utf-8")


def test_the_types_of_the_public_face_hold():
    done = subprocess.run([sys.executable, "-m", "mypy"], capture_output=True, text=True, cwd=PACK)
    assert done.returncode == 0, done.stdout


def test_ruff_is_content():
    done = subprocess.run([sys.executable, "-m", "ruff", "check", str(PACK)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("workflow", sorted((PACK / "example_workflows").glob("*.json")), ids=lambda file: file.name)
def test_example_workflows_have_thumbnails(workflow):
    assert workflow.with_suffix(".jpg").stat().st_size < 300_000


def test_no_build_of_opencv_is_required():
    """Each build overwrites the files of another: only what can be imported is asked for."""
    project = (PACK / "pyproject.toml").read_text("utf-8")
    required = [*re.findall(r'"([^"]*)"', re.search(r"^dependencies = (\[.*\])$", project, re.MULTILINE)[1]),
                *(PACK / "requirements.txt").read_text().splitlines()]
    assert "numpy" in required and not any(line.startswith("opencv") for line in required)
    assert f'opencv = ["{install.BUILD}"]' in project.splitlines()


@pytest.mark.parametrize("there", [True, False])
def test_an_opencv_that_is_there_is_left_alone(there, monkeypatch, capsys):
    called = []
    monkeypatch.setattr(install.subprocess, "call", lambda command: called.append(command) or 0)
    monkeypatch.setattr(install.importlib.util, "find_spec", lambda name: object() if there else None)
    assert install.main() == 0
    assert called == ([] if there else [[sys.executable, "-m", "pip", "install", install.BUILD]])
    assert "stays as it is" in capsys.readouterr().out if there else True


def test_without_opencv_it_is_said_what_to_do():
    blocked = "import importlib.util as u; f = u.find_spec; u.find_spec = lambda n, *a: None if n == 'cv2' else f(n, *a)"
    done = subprocess.run([sys.executable, "-c", f"{blocked}; import animeinterp"], capture_output=True, text=True, cwd=PACK)
    assert done.returncode and "needs OpenCV" in done.stderr and "install.py" in done.stderr


def test_the_registrys_archive_holds_what_a_user_needs_and_no_more():
    """Under 5 MB beside the weights; nothing that the nodes import is left out."""
    ignored = [line for line in (PACK / ".comfyignore").read_text().splitlines() if line and not line.startswith("#")]
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=PACK)
    if listed.returncode:
        pytest.skip("no git checkout: what is in the archive cannot be told")
    kept = [name for name in listed.stdout.splitlines()
            if not any(f"/{name}".startswith(line) if line.endswith("/") else f"/{name}" == line for line in ignored)]
    size = sum((PACK / name).stat().st_size for name in kept if not name.endswith(".safetensors") and (PACK / name).is_file())
    assert size < 5_000_000
    roots = {name.split("/")[0] for name in kept}
    assert {"__init__.py", "nodes", "animeinterp", "web", "example_workflows", "install.py", "requirements.txt"} <= roots
    assert not roots & {"tests", "benchmarks", "training_state", "docs", "tools"}


def test_the_command_is_installed_and_types_are_told():
    project = (PACK / "pyproject.toml").read_text("utf-8")
    assert '[project.scripts]\nanimeinterp = "animeinterp.cli:main"\n' in project
    assert re.search(r'package-data\]\nanimeinterp = \[.*"py.typed".*\]', project)
    assert (PACK / "animeinterp" / "py.typed").is_file()


def test_the_registrys_pictures_are_there():
    project = (PACK / "pyproject.toml").read_text("utf-8")
    for key in ("Icon", "Banner"):
        address = re.search(rf'^{key} = "(.*)"$', project, re.MULTILINE)[1]
        assert (PACK / address.split("/main/")[1]).stat().st_size < 300_000


@pytest.mark.parametrize("page", sorted((PACK / "web" / "docs").glob("*.md")), ids=lambda file: file.stem)
def test_help_pages_find_their_pictures(page):
    for name in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text("utf-8")):
        assert (page.parent / name).stat().st_size < 100_000, name
