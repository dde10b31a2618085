"""Each generator: how its client is made, compiled and used."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.clients.workbench import GSON, PROGRAMS, Workbench

Step = Callable[[Workbench, Path], object]


@dataclass(frozen=True)
class Client:
    """`program` is what uses it: a file of `programs/`."""

    name: str
    program: str
    generate: Step
    is_quick: bool = False

    def prepare(self, bench: Workbench) -> Path:
        """A folder with the program in it; the client goes beside it, as `client`."""
        folder = bench.folder / Path(self.program).stem
        folder.mkdir()
        shutil.copy(PROGRAMS / self.program, folder)
        shutil.copy(PROGRAMS / "check.ts", folder)
        return folder

    def compile(self, bench: Workbench, folder: Path) -> None:
        match Path(self.program).suffix:
            case ".py":
                bench.check_python(folder, self.program)
            case ".kt":
                bench.compile_kotlin(folder)
            case _:
                bench.compile_typescript(folder)

    def use(self, bench: Workbench, folder: Path) -> None:
        match Path(self.program).suffix:
            case ".py":
                bench.run(bench.python, self.program, within=folder)
            case ".kt":
                bench.run("java", "-cp", f"{folder / 'compiled.jar'}:{GSON}", "KotlinKt", within=folder)
            case _:
                bench.run("node", folder / "compiled" / f"{Path(self.program).stem}.js", within=folder)


def _openapi_typescript(bench: Workbench, folder: Path) -> None:
    bench.npm("openapi-typescript", bench.document, "--output", folder / "client" / "schema.ts")


def _hey_api(bench: Workbench, folder: Path) -> None:
    bench.npm(
        "openapi-ts", "--input", bench.document, "--output", folder / "client", "--client", "@hey-api/client-fetch"
    )


def _orval(bench: Workbench, folder: Path) -> None:
    common = f"input: {str(bench.document)!r}, output: {{ mode: 'split', "
    fetch = f"client: 'fetch', target: './client/api.ts', schemas: './client/model', baseUrl: {bench.address!r}"
    zod = "client: 'zod', target: './client/zod.ts'"
    config = f"module.exports = {{ fetch: {{ {common}{fetch} }} }}, zod: {{ {common}{zod} }} }} }};"
    (folder / "orval.config.cjs").write_text(config, encoding="utf-8")
    bench.npm("orval", "--config", "orval.config.cjs", within=folder)


def _openapi_python_client(bench: Workbench, folder: Path) -> None:
    # Without its hooks, which tidy the code up with a tool of their own.
    (folder / "config.yaml").write_text("post_hooks: []\n", encoding="utf-8")
    options = ("--meta", "none", "--config", folder / "config.yaml", "--fail-on-warning")
    program = "from openapi_python_client.cli import app; app()"
    arguments = ("generate", "--path", bench.document, "--output-path", folder / "client")
    bench.run(bench.python, "-c", program, *arguments, *options)


def _openapi_generator(generator: str, *options: str) -> Step:
    def generate(bench: Workbench, folder: Path) -> None:
        where = ("-i", str(bench.document), "-g", generator, "-o", str(folder / options[0]))
        bench.run(bench.python.parent / "openapi-generator-cli", "generate", *where, *options[1:])

    return generate


CLIENTS = [
    Client("openapi-typescript", "openapi_typescript.ts", _openapi_typescript, is_quick=True),
    Client("@hey-api/openapi-ts", "hey_api.ts", _hey_api),
    Client("orval", "orval.ts", _orval),
    Client("openapi-python-client", "openapi_python_client.py", _openapi_python_client, is_quick=True),
    Client(
        "openapi-generator python",
        "openapi_generator_python.py",
        _openapi_generator("python", ".", "--package-name", "client"),
    ),
    Client(
        "openapi-generator typescript-fetch", "typescript_fetch.ts", _openapi_generator("typescript-fetch", "client")
    ),
    Client(
        "openapi-generator kotlin, models",
        "kotlin.kt",
        _openapi_generator("kotlin", "client", "--additional-properties=serializationLibrary=gson,packageName=client"),
    ),
]
