"""A real ComfyUI that runs the pack: its server, and its HTTP API.

The server runs on a base directory of its own, so whatever ComfyUI it is started from, that one's inputs, outputs,
models and other packs are left alone.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

PACK = Path(__file__).resolve().parent.parent
_START_SECONDS, _ANSWER_SECONDS = 180, 60
_PORTS = 5  # that are tried


class HostError(Exception):
    """Something about ComfyUI or its server that went wrong, told so that a user can mend it."""


def link_pack(base: Path, pack: Path = PACK) -> Path:
    """``pack`` in the custom_nodes folder of ``base``: a link, or a junction or a copy where links are not allowed."""
    link = base / "custom_nodes" / "ComfyUI-AnimeInterp"
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.exists() and link.resolve() == pack.resolve():
        return link
    remove_link(link)
    try:
        link.symlink_to(pack, target_is_directory=True)
    except OSError:
        try:
            import _winapi

            _winapi.CreateJunction(str(pack), str(link))
        except (ImportError, OSError):
            kept = shutil.ignore_patterns(".*", "output", "__pycache__", "tests")
            shutil.copytree(pack, link, ignore=kept)
    return link


def remove_link(link: Path) -> None:
    """Take away what `link_pack` made, never what it leads to."""
    if link.is_symlink():
        link.unlink()
    elif link.exists():
        try:
            link.rmdir()  # a junction: its target stays; a folder with something in it: an error
        except OSError:
            shutil.rmtree(link)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


# --- the server -------------------------------------------------------------------------------------------------------


class ComfyServer:
    """A ComfyUI server with the pack, on a base directory of its own; a context manager that always ends it.

    ``base`` gets ComfyUI's custom_nodes, input, output, models, temp and user folders, and the server's log.
    ``options`` are more of main.py's; without any the server runs on the CPU. ``script`` stands in for main.py. Without a
    ``port`` it gets one that is free when it starts, ``rather`` the one that is named so.
    """

    def __init__(
        self,
        comfyui: Path,
        base: Path,
        *,
        python: str,
        port: int | None = None,
        rather: int | None = None,
        script: str = "main.py",
        options: tuple[str, ...] = ("--cpu",),
    ) -> None:
        self.comfyui, self.base, self.python, self.script, self.options = comfyui, base, python, script, options
        self.port = port or (rather if rather and port_is_free(rather) else free_port())
        self._any_port = port is None
        self.log = base / "comfyui.log"
        self._process: subprocess.Popen | None = None

    def __enter__(self) -> ComfyServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Its address, once it has started."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server and wait until it answers. HostError, with the end of its log, where it does not.

        It takes its port some seconds after it was begun, and another program may have it by then: such a server is begun
        anew on another port, unless this one was asked for.
        """
        for _ in range(_PORTS if self._any_port else 1):
            if port_is_free(self.port) and self._start():
                return
            if self._any_port:
                self.port = free_port()
        raise HostError(f"Port {self.port} is in use. Choose another, or end what uses it.")

    def _start(self) -> bool:
        """Start the server; False where another program has got its port."""
        for folder in ("input", "output", "temp", "user", "models/animeinterp"):
            (self.base / folder).mkdir(parents=True, exist_ok=True)
        link_pack(self.base)
        command = [self.python, "-u", self.script, "--listen", "127.0.0.1", "--port", str(self.port)]
        command += ["--base-directory", str(self.base), "--disable-auto-launch", "--disable-api-nodes"]
        command += ["--database-url", f"sqlite:///{(self.base / 'user' / 'comfyui.db').as_posix()}", *self.options]
        # A search path meant for this process would let our nodes folder stand in for ComfyUI's module of that name.
        environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONSAFEPATH")}
        environment["PYTHONIOENCODING"] = "utf-8"
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(
                command, cwd=self.comfyui, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        up = False
        try:
            up = self._wait_until_up()
        finally:
            if not up:
                self.stop()
        return up

    def _wait_until_up(self) -> bool:
        """Whether it is this server that answers; False where another program does."""
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until:
            if not self.alive():
                if not port_is_free(self.port):
                    return False
                raise HostError(f"ComfyUI ended while it started. The end of its log, {self.log}:\n{self.log_tail()}")
            try:
                return str(self.base) in self.get("/system_stats")["system"]["argv"]
            except (KeyError, TypeError, ValueError):
                return False  # that is no ComfyUI
            except (OSError, HostError, http.client.HTTPException):
                time.sleep(0.25)
        raise HostError(f"ComfyUI did not answer within {_START_SECONDS} s. The end of its log:\n{self.log_tail()}")

    def stop(self) -> None:
        """End the server: kindly, then not."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def wait(self) -> None:
        """Until the server ends by itself."""
        if self._process is not None:
            self._process.wait()

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def log_text(self) -> str:
        return self.log.read_text("utf-8", errors="replace") if self.log.is_file() else ""

    def log_tail(self, lines: int = 25) -> str:
        return "\n".join(self.log_text().splitlines()[-lines:])

    def log_about(self, word: str, lines: int = 20) -> str:
        """The lines of the log from the first that holds ``word`` on."""
        log = self.log_text().splitlines()
        first = next((i for i, line in enumerate(log) if word in line), 0)
        return "\n".join(log[first : first + lines])

    # --- its API ---

    def get(self, path: str) -> Any:
        """What a GET of ``path`` answers: JSON as data, anything else as bytes."""
        return self._ask(urllib.request.Request(self.url + path))

    def post(self, path: str, data: Any) -> Any:
        body = json.dumps(data).encode()
        return self._ask(urllib.request.Request(self.url + path, body, {"Content-Type": "application/json"}))

    @staticmethod
    def _ask(request: urllib.request.Request) -> Any:
        # No proxy: the server is on this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=_ANSWER_SECONDS) as answer:
                body = answer.read()
                return json.loads(body or b"null") if "json" in answer.headers.get("Content-Type", "") else body
        except urllib.error.HTTPError as error:
            raise HostError(_refusal(error.read())) from None

    def object_info(self) -> dict[str, Any]:
        return self.get("/object_info")

    def view(self, picture: dict[str, str]) -> bytes:
        """The file that a node's output names."""
        return self.get("/view?" + urllib.parse.urlencode(picture))

    def run(self, prompt: dict[str, Any], *, heard: Callable[[str, dict], None] | None = None) -> dict[str, Any]:
        """Run a prompt in the API's form; the outputs, by node id. HostError where a node fails or is interrupted.

        ``heard`` is called with the type and the data of every message that the server sends about it.
        """
        return asyncio.run(self._run(prompt, heard or (lambda kind, data: None)))

    async def _run(self, prompt: dict[str, Any], heard: Callable[[str, dict], None]) -> dict[str, Any]:
        import aiohttp  # ComfyUI brings it

        client = uuid.uuid4().hex
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{self.url}/ws?clientId={client}", max_msg_size=0) as socket_,
        ):
            async with session.post(f"{self.url}/prompt", json={"prompt": prompt, "client_id": client}) as answer:
                body = await answer.read()
                if answer.status != 200:
                    raise HostError(_refusal(body))
            prompt_id = json.loads(body)["prompt_id"]
            async for message in socket_:
                if message.type != aiohttp.WSMsgType.TEXT:
                    continue
                said = json.loads(message.data)
                kind, data = said["type"], said.get("data", {})
                if data.get("prompt_id") not in (None, prompt_id):
                    continue
                heard(kind, data)
                if kind == "execution_error":
                    node = data.get("node_type", "?")
                    raise HostError(f"{node}: {data.get('exception_message', '').strip()}")
                if kind == "execution_interrupted":
                    raise HostError("The run was interrupted.")
                if kind == "execution_success":
                    return await self._outputs(prompt_id)
        raise HostError(f"ComfyUI went away in the middle of a run. The end of its log:\n{self.log_tail()}")

    async def _outputs(self, prompt_id: str) -> dict[str, Any]:
        """What a finished run left; it enters the history a moment after the message that it is finished."""
        for _ in range(100):
            history = self.get(f"/history/{prompt_id}")
            if prompt_id in history:
                return history[prompt_id]["outputs"]
            await asyncio.sleep(0.05)
        raise HostError(f"ComfyUI finished a run but kept nothing of it. The end of its log:\n{self.log_tail()}")


def _refusal(body: bytes) -> str:
    """What ComfyUI says of a prompt that it does not take, in words."""
    try:
        said = json.loads(body)
        words = [said["error"]["message"]]
        for node_id, faults in (said.get("node_errors") or {}).items():
            for fault in faults["errors"]:
                words.append(f"{faults['class_type']} ({node_id}): {fault['message']}: {fault['details']}")
        return "ComfyUI refused the workflow: " + "; ".join(words)
    except (ValueError, KeyError, TypeError):
        return f"ComfyUI answered with an error: {body[:500].decode('utf-8', 'replace')}"
