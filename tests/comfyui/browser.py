"""A headless Chromium, driven through its DevTools protocol: as much of it as the tests of the editor need."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import aiohttp

_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars --remote-debugging-port=0"
).split()


def find_browser() -> str:
    """The browser that CHROMIUM names, or one under its common names. An error that says what to do where none is."""
    wanted = os.environ.get("CHROMIUM")
    for name in [wanted] if wanted else _NAMES:
        found = shutil.which(name)
        if found:
            return found
    raise RuntimeError(
        f"CHROMIUM is {wanted}, which is no program. Correct it."
        if wanted
        else "The tests of the editor need Chromium or Chrome; none was found. Install one (Debian: apt-get install "
        "chromium) or set CHROMIUM to its path."
    )


class Browser:
    """One page in a browser of its own; a context manager. Every call waits for its answer."""

    def __init__(self, *, width: int = 1600, height: int = 1000) -> None:
        self._size = (width, height)
        self._loop = asyncio.new_event_loop()
        self._next = 0

    def __enter__(self) -> Browser:
        self._profile = tempfile.mkdtemp(prefix="animeinterp-browser-")
        size = f"--window-size={self._size[0]},{self._size[1]}"
        command = [find_browser(), *_FLAGS, size, f"--user-data-dir={self._profile}", "about:blank"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self._wait(self._connect())
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(Exception):
            self._wait(self._session.close())
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._loop.close()
        shutil.rmtree(self._profile, ignore_errors=True)

    def _wait(self, work: Coroutine, seconds: float = 120) -> Any:
        return self._loop.run_until_complete(asyncio.wait_for(work, seconds))

    async def _connect(self) -> None:
        port_file = Path(self._profile) / "DevToolsActivePort"
        until = time.monotonic() + 60
        while not port_file.is_file() or len(port_file.read_text().splitlines()) < 2:
            if time.monotonic() > until or self._process.poll() is not None:
                raise RuntimeError(f"{find_browser()} did not start.")
            await asyncio.sleep(0.1)
        port = port_file.read_text().splitlines()[0]
        self._session = aiohttp.ClientSession()
        async with self._session.get(f"http://127.0.0.1:{port}/json") as answer:
            page = next(target for target in await answer.json() if target["type"] == "page")
        self._socket = await self._session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0)
        await self._call("Page.enable")
        await self._call("Runtime.enable")

    async def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._next += 1
        await self._socket.send_json({"id": self._next, "method": method, "params": parameters})
        async for message in self._socket:
            said = json.loads(message.data)
            if said.get("id") == self._next:
                if "error" in said:
                    raise RuntimeError(f"{method}: {said['error']['message']}")
                return said["result"]
        raise RuntimeError("The browser went away.")

    def go(self, url: str) -> None:
        self._wait(self._call("Page.navigate", url=url))

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression, awaited where it is a promise."""
        answer = self._wait(
            self._call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True)
        )
        if "exceptionDetails" in answer:
            fault = answer["exceptionDetails"]
            raise RuntimeError(fault.get("exception", {}).get("description") or fault["text"])
        return answer["result"].get("value")

    def wait_for(self, script: str, seconds: float = 60) -> None:
        """Until a JavaScript expression is true."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with contextlib.suppress(RuntimeError):
                if self.evaluate(f"!!({script})"):
                    return
            time.sleep(0.2)
        raise TimeoutError(f"Not true within {seconds} s: {script}")

    def screenshot(self, path: Path) -> None:
        data = self._wait(self._call("Page.captureScreenshot", format="png"))["data"]
        path.write_bytes(base64.b64decode(data))


class Editor(Browser):
    """ComfyUI's editor in a browser."""

    def open(self, url: str) -> None:
        """Load the editor from a server, and wait until it has its nodes."""
        self.go(url)
        # `app` is what the frontend gives to extensions; a node type in the graph library means that all are there.
        self.wait_for("window.app?.graph && window.LiteGraph?.registered_node_types?.AnimeInterp", 90)

    def load(self, workflow: dict[str, Any]) -> None:
        """Open a workflow as if its file had been chosen."""
        self.evaluate(f"window.app.loadGraphData({json.dumps(workflow)})")
        self.wait_for(f"window.app.graph._nodes.length === {len(workflow['nodes'])}")

    def prompt(self) -> dict[str, Any]:
        """What the editor would queue."""
        return self.evaluate("window.app.graphToPrompt().then(made => made.output)")

    def saved(self) -> dict[str, Any]:
        """What the editor would save."""
        return self.evaluate("window.app.graphToPrompt().then(made => made.workflow)")
