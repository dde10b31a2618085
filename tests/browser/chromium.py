"""Debian's Chromium without a window, driven over its DevTools protocol. What it asks for is written down."""

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from websockets.sync.client import ClientConnection, connect

PATIENCE_SECONDS = 60
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--window-size=1280,1600",
    "--remote-debugging-port=0",
)
LOADING = {"Network.requestWillBeSent", "Network.webSocketCreated"}
# Waits in the page itself, for as long as `evaluate` has patience.
UNTIL = """
const until = (found) => new Promise((resolve) => {
  const look = () => { const it = found(); it ? resolve(it) : requestAnimationFrame(look); };
  look();
});
const button = (text, within = document) =>
  [...within.querySelectorAll("button")].find((one) => one.textContent.trim() === text && !one.disabled);
const type = (field, text) => {
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(field, text);
  field.dispatchEvent(new Event("input", { bubbles: true }));
};
"""


class Page:
    """One tab."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._calls = 0
        self._session: str | None = None
        self.addresses: list[str] = []
        self.complaints: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self._call(f"{domain}.enable")

    @property
    def hosts(self) -> set[str | None]:
        """All that the page asked anything of."""
        urls = [urlsplit(address) for address in self.addresses]
        return {url.hostname for url in urls if url.scheme not in {"data", "blob", "about"}}

    def open(self, address: str) -> None:
        self._call("Page.navigate", url=address)

    def evaluate(self, script: str) -> Any:
        """Run the body of an async function in the page: `return ...`."""
        answer = self._call(
            "Runtime.evaluate",
            expression=f"(async () => {{ {UNTIL} {script} }})()",
            awaitPromise=True,
            returnByValue=True,
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def screenshot(self, path: Path) -> None:
        picture = self._call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(picture))

    def _call(self, method: str, **params: Any) -> Any:
        self._calls += 1
        session = {"sessionId": self._session} if self._session else {}
        self._connection.send(json.dumps({"id": self._calls, "method": method, "params": params, **session}))
        while True:
            message = json.loads(self._connection.recv(timeout=PATIENCE_SECONDS))
            if message.get("id") == self._calls:
                assert "error" not in message, message
                return message["result"]
            self._note(message.get("method"), message.get("params", {}))

    def _note(self, method: str, params: dict[str, Any]) -> None:
        if method in LOADING:
            self.addresses.append(params["url"] if "url" in params else params["request"]["url"])
        elif method == "Log.entryAdded" and params["entry"]["level"] in {"warning", "error"}:
            self.complaints.append(f"{params['entry']['source']}: {params['entry']['text']}")
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in {"warning", "error"}:
            self.complaints.append(" ".join(str(one.get("value")) for one in params["args"]))


@contextmanager
def chromium(folder: Path) -> Iterator[Page]:
    """Start it with an empty profile in this folder, and end it again."""
    program = shutil.which("chromium")
    assert program, "Chromium is not installed: apt-get install chromium"
    process = subprocess.Popen(
        [program, *FLAGS, f"--user-data-dir={folder}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    try:
        listening = (re.search(r"listening on (ws://\S+)", line) for line in process.stderr or ())
        address = next(found[1] for found in listening if found)
        with connect(address, max_size=None, open_timeout=PATIENCE_SECONDS, proxy=None) as connection:
            yield Page(connection)
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_SECONDS)
