"""Secrets that nothing but their owner may ever see again, and a client that keeps every answer."""

import secrets
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx

from shared.testing.mailbox import Mailbox, link_token

Arguments = dict[str, Any]


@dataclass
class Canaries:
    """Secrets by what they are. Addresses are no secrets, but nothing for a log."""

    secrets: dict[str, str] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)

    def new(self, name: str) -> str:
        return self.known(name, f"canary-{secrets.token_hex(16)}")

    def known(self, name: str, secret: str) -> str:
        self.secrets[secret] = name
        return secret

    def address(self, name: str) -> str:
        address = f"{name}-{secrets.token_hex(8)}@example.com"
        self.addresses[address] = f"the address of {name}"
        return address

    def in_text(self, text: str) -> list[str]:
        return [name for secret, name in self.secrets.items() if secret in text]

    def in_log(self, text: str) -> list[str]:
        return [*self.in_text(text), *(name for address, name in self.addresses.items() if address in text)]


@dataclass
class Answer:
    asked: str
    text: str
    """Status, headers and body."""
    purpose: list[str]
    """The secrets that it was asked for."""


@dataclass
class Walk:
    """Goes through the API, with secrets at hand."""

    client: httpx.AsyncClient
    mailbox: Mailbox
    canaries: Canaries = field(default_factory=Canaries)
    answers: list[Answer] = field(default_factory=list)

    async def __call__(self, asked: str, *, expected: int | None = None, **arguments: Any) -> Any:
        """`walk("POST /api/auth/login", expected=200, json={...})` gives the data; the rest goes to the client."""
        method, _, path = asked.partition(" ")
        answer = await self.client.request(method, path, **arguments)
        assert expected in {None, answer.status_code}, f"{asked}: {answer.text}"
        data = answer.json()["data"]
        issued = [self._learn(name, data[name]) for name in ("access_token", "refresh_token") if data and name in data]
        purpose = [name for token in issued for name in self.canaries.in_text(token)]
        text = "\n".join([str(answer.status_code), *(f"{name}: {value}" for name, value in answer.headers.items())])
        self.answers.append(Answer(asked, f"{text}\n\n{answer.text}", purpose))
        return data

    def _learn(self, name: str, token: str) -> str:
        # The signature by itself, too: what stands in front of it are ids, which are no secrets.
        self.canaries.known(f"the signature of an {name}", token.rpartition(".")[2])
        return self.canaries.known(f"an {name}", token)

    async def log_in(self, email: str, password: str) -> dict[str, str]:
        """Gives the header for all that follows."""
        tokens = await self("POST /api/auth/login", expected=200, json={"email": email, "password": password})
        await self("POST /api/auth/refresh", expected=200, json={"refresh_token": tokens["refresh_token"]})
        forged = tokens["refresh_token"].rpartition(".")[0] + "." + self.canaries.new("a forged refresh token")
        await self("POST /api/auth/refresh", expected=401, json={"refresh_token": forged})
        return {"Authorization": f"Bearer {tokens['access_token']}"}

    async def link(self, address: str) -> str:
        return self.canaries.known("the token of a link", link_token(await self.mailbox.next_mail(to=address)))

    def leaks(self) -> list[tuple[str, list[str]]]:
        """Answers that hold secrets which they were not asked for."""
        found = [
            (one.asked, [name for name in self.canaries.in_text(one.text) if name not in one.purpose])
            for one in self.answers
        ]
        return [(asked, names) for asked, names in found if names]


async def walk_an_account(walk: Walk) -> None:
    """Everything that its owner does with an account, and what goes wrong on the way."""
    new, wrong = walk.canaries.new, walk.canaries.new("a wrong password")
    address, other, unknown = (walk.canaries.address(name) for name in ("ada", "ada-again", "nobody"))
    credentials = {"email": address, "password": new("the first password")}
    await walk("POST /api/auth/register", expected=422, json=credentials | {"password": address})
    await walk("POST /api/auth/register", expected=201, json=credentials)
    await walk("POST /api/auth/register", expected=409, json=credentials)
    await walk("POST /api/auth/login", expected=401, json=credentials | {"password": wrong})
    await walk("POST /api/auth/login", expected=401, json=credentials | {"email": unknown})
    headers = await walk.log_in(**credentials)
    confirmation = {"token": await walk.link(address)}
    await walk("POST /api/auth/email/verify", expected=401, json=confirmation)
    await walk("POST /api/auth/email/verify", expected=200, headers=headers, json=confirmation)
    await walk("POST /api/auth/email/disown", expected=400, json=confirmation)
    for asked, status in (("me", 200), ("", 403), ("me/nothing", 404)):
        await walk(f"GET /api/users/{asked}".rstrip("/"), expected=status, headers=headers)
    await walk("GET /api/auth/sessions", expected=200, headers=headers)

    change = {"current_password": credentials["password"], "new_password": new("the second password")}
    for field_, status in (("current_password", 403), ("new_password", 422)):
        faulty = change | {field_: walk.canaries.known("a short password", f"c-{secrets.token_hex(5)}")}
        await walk("POST /api/auth/password/change", expected=status, headers=headers, json=faulty)
    await walk("POST /api/auth/password/change", expected=200, headers=headers, json=change)
    await walk.mailbox.next_mail(to=address)

    for email in (address, unknown):
        await walk("POST /api/auth/password/forgot", expected=202, json={"email": email})
    reset = {"token": await walk.link(address), "new_password": new("the third password")}
    await walk("POST /api/auth/password/reset", expected=400, json=reset | {"token": new("a wrong link")})
    await walk("POST /api/auth/password/reset", expected=422, json=reset | {"new_password": address})
    await walk("POST /api/auth/password/reset", expected=200, json=reset)
    await walk("POST /api/auth/password/reset", expected=400, json=reset)
    await walk.mailbox.next_mail(to=address)

    headers = await walk.log_in(address, reset["new_password"])
    move = {"new_email": other, "current_password": reset["new_password"]}
    await walk("POST /api/auth/email/change", expected=403, headers=headers, json=move | {"current_password": wrong})
    await walk("POST /api/auth/email/change", expected=202, headers=headers, json=move)
    confirmation = {"token": await walk.link(other)}
    await walk("POST /api/auth/email/change/confirm", expected=200, headers=headers, json=confirmation)
    await walk.mailbox.next_mail(to=address)
    await walk("POST /api/auth/logout", expected=200, headers=headers, json={"scope": "all"})
    await walk("GET /api/users/me", expected=401, headers=headers)


async def leave_links_unused(walk: Walk) -> None:
    """What is used up is gone; these stay in the tables, as does a session."""
    address, other = walk.canaries.address("carl"), walk.canaries.address("carl-again")
    password = walk.canaries.new("the password of somebody who does not come back")
    await walk("POST /api/auth/register", expected=201, json={"email": address, "password": password})
    await walk.link(address)
    await walk("POST /api/auth/password/forgot", expected=202, json={"email": address})
    await walk.link(address)
    headers = await walk.log_in(address, password)
    move = {"new_email": other, "current_password": password}
    await walk("POST /api/auth/email/change", expected=202, headers=headers, json=move)
    await walk.link(other)


async def walk_an_administrator(walk: Walk, address: str, password: str) -> dict[str, str]:
    """The first administrator, who has to change the password, and invites somebody; gives the header."""
    headers = await walk.log_in(address, password)
    await walk("GET /api/users", expected=403, headers=headers)
    change = {"current_password": password, "new_password": walk.canaries.new("the administrator's password")}
    await walk("POST /api/auth/password/change", expected=200, headers=headers, json=change)
    await walk.mailbox.next_mail(to=address)
    invited = walk.canaries.address("bob")
    bob = await walk("POST /api/users", expected=201, headers=headers, json={"email": invited})
    await walk("POST /api/users", expected=409, headers=headers, json={"email": invited})
    accept = {"token": await walk.link(invited), "new_password": walk.canaries.new("an invited user's password")}
    await walk("POST /api/auth/password/reset", expected=200, json=accept)
    await walk.mailbox.next_mail(to=invited)
    await walk("GET /api/users", expected=200, headers=headers)
    await walk("GET /api/auth/audit", expected=200, headers=headers)
    ignored = walk.canaries.address("dora")
    await walk("POST /api/users", expected=201, headers=headers, json={"email": ignored})
    await walk.link(ignored)
    await walk(f"POST /api/users/{bob['id']}/deactivate", expected=200, headers=headers)
    await walk(f"DELETE /api/users/{bob['id']}", expected=200, headers=headers)
    return headers
