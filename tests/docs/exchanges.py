"""The exchanges that docs/http-api.md shows, replayed: a ```http block with a request, then one with its answer."""

import json
import re
from http import HTTPStatus
from typing import Any

import httpx2 as httpx

BLOCK = re.compile(r"^```http\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SHORT_LIST = re.compile(r"\[\s+((?:\"[^\"\s]*\",?\s+)+)\]")
SHOWN_HEADERS = ("Location", "Retry-After", "WWW-Authenticate", "Content-Language")
# Different each time. A page keeps the values that it has.
CHANGING = {
    "access_token",
    "created_at",
    "id",
    "next_cursor",
    "refresh_token",
    "request_id",
    "retry-after",
    "session_id",
    "updated_at",
}
LONGEST_VALUE = 40
MOST_REPETITIONS = 50


class Replay:
    """Sends the requests of a page, in their order, and puts the answers into it."""

    def __init__(self, client: httpx.AsyncClient, variables: dict[str, str]) -> None:
        self._client = client
        self._variables = variables

    async def page(self, text: str) -> str:
        """The same page, but for the answers that are different now."""
        blocks = list(BLOCK.finditer(text))
        assert blocks, "the page shows no exchange"
        parts, end = [], 0
        for request, answer in zip(blocks[::2], blocks[1::2], strict=True):
            new = _shown(await self._send(self._filled(request[1]), expected=answer[1]))
            parts += [text[end : answer.start(1)], answer[1] if _lasting(new) == _lasting(answer[1]) else new]
            end = answer.end(1)
        return "".join([*parts, text[end:]])

    def _filled(self, request: str) -> str:
        return re.sub(r"\$([A-Z]+)", lambda name: self._variables[name[1]], request)

    async def _send(self, request: str, *, expected: str) -> httpx.Response:
        head, _, body = request.partition("\n\n")
        (method, address), *headers = (line.split(maxsplit=1) for line in head.splitlines())
        sent = {name.rstrip(":"): value for name, value in headers}
        for _ in range(MOST_REPETITIONS):
            answer = await self._client.request(method, address, headers=sent, content=body)
            # A limit needs some more of the same.
            if not expected.startswith("HTTP/1.1 429") or answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
                break
        self._remember(answer.json()["data"] or {})
        return answer

    def _remember(self, data: dict[str, Any]) -> None:
        names = {"access_token": "ACCESS", "refresh_token": "REFRESH", "next_cursor": "CURSOR"}
        self._variables |= {variable: data[name] for name, variable in names.items() if data.get(name)}


def _shown(answer: httpx.Response) -> str:
    headers = [f"{name}: {answer.headers[name]}" for name in SHOWN_HEADERS if name in answer.headers]
    body = json.dumps(_shortened(answer.json()), indent=2, ensure_ascii=False)
    body = SHORT_LIST.sub(lambda items: f"[{' '.join(items[1].split())}]", body)
    # Without the status's phrase, which is another one in each version of Python.
    return "\n".join([f"HTTP/1.1 {answer.status_code}", *headers, "", body, ""])


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: f"{one[:20]}..."
            if name in CHANGING and isinstance(one, str) and len(one) > LONGEST_VALUE
            else _shortened(one)
            for name, one in value.items()
        }
    return [_shortened(one) for one in value] if isinstance(value, list) else value


def _lasting(answer: str) -> tuple[list[str], Any]:
    """What must be the same each time."""
    head, _, body = answer.partition("\n\n")
    headers = [
        line.partition(":")[0] if line.partition(":")[0].lower() in CHANGING else line for line in head.split("\n")
    ]
    return headers, _without_changing(json.loads(body)) if body else None


def _without_changing(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: "..." if name in CHANGING and one is not None else _without_changing(one)
            for name, one in value.items()
        }
    return [_without_changing(one) for one in value] if isinstance(value, list) else value
