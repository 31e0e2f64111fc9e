"""demo.py, from frames to a video and a contact sheet; the making of its environment is tested for itself."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from prompts import drawing

from animeinterp.media import VideoReader, VideoWriter, read_image, write_image
from tools import comfy_host, environment
from tools.comfy_host import PACK, ComfyServer, HostError, port_is_free
from tools.comfy_source import check_comfyui


@pytest.fixture
def demo(comfyui, tmp_path):
    """Runs demo.py as it runs in its own environment; its exit status and what it said."""

    def run(*words):
        settings = {"COMFYUI_PATH": str(comfyui), "COMFYUI_PYTHON": sys.executable, "ANIMEINTERP_DEMO_CHILD": "1"}
        command = [sys.executable, str(PACK / "demo.py"), "--output", str(tmp_path / "out"), *map(str, words)]
        done = subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, cwd=tmp_path)
        return done.returncode, done.stdout + done.stderr

    return run


def test_the_shipped_drawings(demo, tmp_path):
    status, said = demo()
    assert status == 0, said
    shipped = len(list((PACK / "example_workflows" / "frames").glob("animeinterp_*.png")))
    reader = VideoReader(tmp_path / "out" / "animeinterp.mp4")
    assert len(list(reader)) == (shipped - 1) * 4 + 1
    assert float(reader.rate) == 12
    sheet = read_image(tmp_path / "out" / "contact_sheet.png")
    assert sheet.shape[-1] == 1920 and sheet.shape[-2] > 1000
    assert str(tmp_path / "out" / "contact_sheet.png") in said


def test_own_drawings(demo, tmp_path):
    for step in range(3):
        write_image(tmp_path / f"{step}.png", drawing(step))
    status, said = demo("0.png", "1.png", "2.png", "--multiplier", "2", "--fps", "8")
    assert status == 0, said
    reader = VideoReader(tmp_path / "out" / "animeinterp.mp4")
    frames = list(reader)
    assert len(frames) == 5 and float(reader.rate) == 8
    for step in range(3):
        assert (frames[2 * step] - drawing(step)).abs().mean() < 0.03, "the drawings, in order, every second frame"


def test_own_video(demo, tmp_path):
    with VideoWriter(tmp_path / "clip.mp4", 10) as video:
        for step in range(5):
            video.write(drawing(step))
    status, said = demo("clip.mp4", "--frames", "3", "--multiplier", "3")
    assert status == 0, said
    reader = VideoReader(tmp_path / "out" / "animeinterp.mp4")
    assert len(list(reader)) == 7 and float(reader.rate) == 30


def test_mistakes_are_told_in_words(demo, tmp_path):
    write_image(tmp_path / "a.png", drawing(0))
    write_image(tmp_path / "b.png", drawing(0, width=200))
    for words, complaint in [
        (["missing.png"], "missing.png is not there"),
        (["a.png"], "single drawing; give two or more, or a video"),
        (["a.png", "b.png"], "b.png is 200x96 and a.png is 160x96; all drawings should be of one size"),
    ]:
        status, said = demo(*words)
        assert status == 1 and complaint in said and "Traceback" not in said, said


def test_serve_leaves_comfyui_running_until_it_is_stopped(comfyui, tmp_path):
    for step in range(2):
        write_image(tmp_path / f"{step}.png", drawing(step))
    command = [sys.executable, str(PACK / "demo.py"), "--serve", "--output", str(tmp_path), "0.png", "1.png"]
    settings = {"COMFYUI_PATH": str(comfyui), "COMFYUI_PYTHON": sys.executable}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen(command, env={**os.environ, **settings}, cwd=tmp_path, **pipes)
    said = ""
    try:
        for line in process.stdout:  # to its end, if it ends before its time
            said += line
            if "Ctrl+C" in line:
                break
        found = re.search(r"ComfyUI is at (http://\S+);", said)
        assert found, f"it ended with {process.wait()} and had said:\n{said}"
        url = found[1]
        with urllib.request.urlopen(f"{url}/api/userdata?dir=workflows") as answer:
            assert set(json.load(answer)) == {file.name for file in (PACK / "example_workflows").glob("*.json")}
        process.terminate()
        assert process.wait(20) == 143
        with pytest.raises(OSError):
            urllib.request.urlopen(url)
    finally:
        process.kill()


def test_a_port_in_use_is_told(demo):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, said = demo("--port", str(port))
    assert status == 1 and f"Port {port} is in use" in said


def test_a_server_is_not_taken_for_another_one(host, comfyui, tmp_path):
    second = ComfyServer(comfyui, tmp_path, python=sys.executable, port=host.server.port)
    with pytest.raises(HostError, match="in use"):
        second.start()
    assert not second.alive() and host.server.alive()


STANDIN = """
import http.server, json, sys, time
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps({"system": {"argv": sys.argv}}).encode())
time.sleep(0.5)  # as ComfyUI does, it takes its port late
http.server.HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Answer).serve_forever()
"""


@pytest.mark.parametrize("answers", [True, False])
def test_another_program_takes_the_port_while_the_server_starts(tmp_path, monkeypatch, answers):
    """It is not taken for the server, and the server gets another port, unless it was to have that one."""
    (tmp_path / "main.py").write_text(STANDIN)
    begin, rivals = subprocess.Popen, []

    def one_was_faster(command, **options):
        if not rivals:
            port = command[command.index("--port") + 1]
            if answers:
                rivals.append(begin([sys.executable, "-c", STANDIN, "--port", port]))
                while port_is_free(int(port)):
                    time.sleep(0.01)
            else:
                rivals.append(socket.create_server(("127.0.0.1", int(port))))
        return begin(command, **options)

    def end_rivals():
        for rival in rivals:
            rival.kill() if answers else rival.close()
        rivals.clear()

    monkeypatch.setattr(comfy_host, "_ANSWER_SECONDS", 1)
    monkeypatch.setattr(subprocess, "Popen", one_was_faster)
    wanted = comfy_host.free_port()
    server = ComfyServer(tmp_path, tmp_path / "base", python=sys.executable, rather=wanted)
    assert server.port == wanted
    try:
        with server:
            assert server.port != wanted and server.alive() and str(wanted) not in server.url
            assert str(tmp_path / "base") in server.get("/system_stats")["system"]["argv"]
        end_rivals()
        asked = ComfyServer(tmp_path, tmp_path / "base", python=sys.executable, port=comfy_host.free_port())
        with pytest.raises(HostError, match=f"Port {asked.port} is in use"):
            asked.start()
        assert not asked.alive()
    finally:
        end_rivals()


def test_comfyui_path_that_is_none(tmp_path):
    with pytest.raises(HostError, match="COMFYUI_PATH is .*main.py"):
        check_comfyui(tmp_path)


def test_a_python_without_the_packs_requirements(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    with pytest.raises(HostError, match=r"(?s)lacks what the pack needs .*pip install -r .*requirements.txt"):
        environment.check_python(str(environment.python_of(tmp_path / "bare")))
    with pytest.raises(HostError, match="does not run"):
        environment.check_python(str(tmp_path / "none"))


def test_an_environment_is_made_once_and_a_half_made_one_anew(tmp_path, monkeypatch):
    installed, said = [], []
    monkeypatch.setattr(environment, "_install", lambda python, log, say: installed.append(str(python)))
    venv = tmp_path / "venv"
    python = environment.prepare(venv, said.append)
    assert installed == [python] and subprocess.run([python, "-c", "pass"]).returncode == 0
    assert environment.prepare(venv, said.append) == python and len(installed) == 1
    # Broken off before the end: no marker.
    marker = venv / "installed.json"
    marker.unlink()
    (venv / "left-over").touch()
    environment.prepare(venv, said.append)
    assert len(installed) == 2 and not (venv / "left-over").exists() and any("half made" in s for s in said)
    # Other requirements than those installed: installed over what is there.
    marker.write_text(json.dumps({"fingerprint": "another"}))
    (venv / "kept").touch()
    environment.prepare(venv, said.append)
    assert len(installed) == 3 and (venv / "kept").exists()


def test_a_failed_installation_leaves_no_marker_and_says_what_pip_said(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "PACK", tmp_path)  # nothing to install there: pip fails at once
    for name in ("pyproject.toml", "requirements.txt"):
        (tmp_path / name).write_text("no such project")
    with pytest.raises(HostError, match="could not be installed; pip says"):
        environment.prepare(tmp_path / "venv", lambda text: None)
    assert not (tmp_path / "venv" / "installed.json").exists()
