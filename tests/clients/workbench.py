"""A folder with the generators in it, and running them."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE / "programs"
SECONDS = 300
GSON = Path("/usr/share/java/gson.jar")
OLDEST_NODE = (20, 19)
COMPILER_OPTIONS = {
    "strict": True,
    "target": "ES2022",
    "module": "commonjs",
    "moduleResolution": "node10",
    "esModuleInterop": True,
    "lib": ["ES2022", "DOM", "DOM.Iterable"],
    "types": [],
    "outDir": "compiled",
}


class StepError(Exception):
    """A step did not work. The message says what to do, or what the tool said."""


@dataclass(frozen=True)
class Workbench:
    """`document` is what the running server at `address` serves; `admin` may see every user."""

    folder: Path
    document: Path
    address: str
    admin: str
    password: str

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"BASE": self.address, "ADMIN": self.admin, "PASSWORD": self.password, "NO_COLOR": "1"}

    @property
    def python(self) -> Path:
        """An interpreter that has the Python generators, and what their clients need."""
        return self.folder / "python" / "bin" / "python"

    def run(self, *command: str | Path, within: Path | None = None) -> str:
        """Run a command to its end; gives what it said."""
        result = subprocess.run(
            [str(part) for part in command],
            cwd=within or self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        if result.returncode:
            raise StepError(f"{' '.join(map(str, command))} ended with {result.returncode}:\n{result.stdout}")
        return result.stdout

    def npm(self, tool: str, *arguments: str | Path, within: Path | None = None) -> str:
        """Run a tool of package.json."""
        return self.run(self.folder / "node_modules" / ".bin" / tool, *arguments, within=within)

    def install(self, *, is_quick: bool) -> None:
        """Install the generators into the folder."""
        node, npm, uv = _found("node"), _found("npm"), os.environ.get("UV") or _found("uv")
        version = self.run(node, "--version").strip().removeprefix("v")
        if tuple(map(int, version.split(".")[:2])) < OLDEST_NODE:
            raise StepError(f"node is {version}: install {'.'.join(map(str, OLDEST_NODE))} or newer")
        shutil.copy(HERE / "package.json", self.folder)
        left_out = ["--omit=dev"] if is_quick else []
        self.run(npm, "install", "--no-package-lock", "--no-audit", "--ignore-scripts", "--loglevel=error", *left_out)
        self.run(uv, "venv", "--quiet", "--python", sys.executable, self.folder / "python")
        self.run(uv, "pip", "install", "--quiet", "--python", self.python, "-r", HERE / "requirements.txt")

    def compile_typescript(self, folder: Path) -> None:
        options = {"compilerOptions": COMPILER_OPTIONS, "include": ["*.ts", "client"]}
        (folder / "tsconfig.json").write_text(json.dumps(options), encoding="utf-8")
        self.npm("tsc", "--project", folder)

    def compile_kotlin(self, folder: Path) -> None:
        """Compile the models and what goes with them; the rest of a client wants OkHttp."""
        if not GSON.exists():
            raise StepError(f"{GSON} is missing: apt-get install libgoogle-gson-java")
        files = [folder / "kotlin.kt", *(folder / "client" / "src" / "main").rglob("*.kt")]
        sources = [file for file in files if "import okhttp3" not in file.read_text(encoding="utf-8")]
        compiler = self.folder / "node_modules" / "kotlin-compiler" / "bin" / "kotlinc"
        target = folder / "compiled.jar"
        self.run("bash", compiler, "-nowarn", "-include-runtime", "-cp", GSON, *sources, "-d", target, within=folder)

    def check_python(self, folder: Path, program: str) -> None:
        """Compile everything, and check the types of what the program does with the client."""
        self.run(self.python, "-m", "compileall", "-q", folder)
        mypy = (
            "-m",
            "mypy",
            "--strict",
            "--follow-imports=silent",
            "--config-file=",
            f"--cache-dir={folder}/.mypy_cache",
        )
        self.run(sys.executable, *mypy, "--python-executable", self.python, program, within=folder)


def _found(tool: str) -> str:
    if path := shutil.which(tool):
        return path
    raise StepError(f"{tool} is not on the PATH: install it")
