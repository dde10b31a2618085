"""Servers of a test's own: PostgreSQL and MariaDB with TLS, PgBouncer in front of a PostgreSQL, nginx of services."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import URL

from tests.project import ROOT, free_port

START_SECONDS = 60
POSTGRES_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
LOOPBACK = x509.IPAddress(ip_address("127.0.0.1"))


class Authority:
    """A certificate authority that nobody else trusts."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Authority of {folder.name}")])
        folder.mkdir()
        folder.chmod(0o755)
        self.file = folder / "ca.pem"
        self.file.write_bytes(self._certify(self._name, self._key, x509.BasicConstraints(ca=True, path_length=None)))

    def issue(self, user: str, *names: x509.GeneralName) -> tuple[Path, Path]:
        """A certificate for `names`, and its key, which only the system's `user` can read."""
        key = ec.generate_private_key(ec.SECP256R1())
        cert_file, key_file = self._folder / f"{user}.pem", self._folder / f"{user}.key"
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, user)])
        cert_file.write_bytes(self._certify(subject, key, x509.SubjectAlternativeName(names)))
        secret = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, *secret))
        key_file.chmod(0o600)
        _hand_over(key_file, user)
        return cert_file, key_file

    def _certify(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType) -> bytes:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True, slots=True)
class Running:
    """A server on the loopback address; its certificate, if any, is for 127.0.0.1 and not for localhost."""

    url: URL
    process: subprocess.Popen[bytes]

    def address(self, host: str = "127.0.0.1", **options: str) -> str:
        return self.url.set(host=host, query=options).render_as_string(hide_password=False)


@contextmanager
def postgres(folder: Path, authority: Authority) -> Iterator[Running]:
    """PostgreSQL that takes nothing but TLS from the network, and no certificate of a client."""
    data, port = folder / "data", free_port()
    _make(data, "postgres")
    cert, key = authority.issue("postgres", LOOPBACK)
    programs = POSTGRES_PROGRAMS[-1]
    _run("postgres", str(programs / "initdb"), "-D", str(data), "-U", "owner", "-A", "trust", "-N", "-E", "UTF8")
    (data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 trust\n", encoding="utf-8")
    settings = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
    settings |= {"ssl": "on", "ssl_cert_file": cert, "ssl_key_file": key}
    arguments = [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]
    url = URL.create("postgresql", "owner", host="127.0.0.1", port=port, database="postgres")
    with _running("postgres", port, str(programs / "postgres"), "-D", str(data), *arguments) as process:
        yield Running(url, process)


@contextmanager
def mariadb(folder: Path, authority: Authority) -> Iterator[Running]:
    """MariaDB with one user, who must use TLS."""
    data, port = folder / "data", free_port()
    _make(data, "mysql")
    cert, key = authority.issue("mysql", LOOPBACK)
    no_files = "--no-defaults", f"--datadir={data}"
    _run("mysql", "mariadb-install-db", *no_files, "--auth-root-authentication-method=normal", "--skip-test-db")
    # Read when the server starts.
    start = folder / "start.sql"
    start.write_text(
        "CREATE DATABASE app;\nCREATE USER owner@127.0.0.1 REQUIRE SSL;\nGRANT ALL ON *.* TO owner@127.0.0.1;\n",
        encoding="utf-8",
    )
    arguments = [*no_files, f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder / 'data' / 's'}"]
    arguments += [f"--ssl-cert={cert}", f"--ssl-key={key}", f"--init-file={start}", "--skip-name-resolve"]
    url = URL.create("mysql", "owner", host="127.0.0.1", port=port, database="app")
    with _running("mysql", port, "mariadbd", *arguments) as process:
        yield Running(url, process)


@contextmanager
def pgbouncer(folder: Path, server: URL, *, mode: str = "transaction", pool_size: int = 4) -> Iterator[Running]:
    """PgBouncer in front of a PostgreSQL, for one user; the databases keep their names."""
    port, configuration = free_port(), folder / f"{mode}.ini"
    who = f"user={server.username}" + (f" password={server.password}" if server.password else "")
    configuration.write_text(
        f"[databases]\n* = host={server.host} port={server.port or 5432} {who}\n[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        # In turn, so that what follows a statement on a connection of the client meets another one of the server.
        f"pool_mode = {mode}\ndefault_pool_size = {pool_size}\nserver_round_robin = 1\n",
        encoding="utf-8",
    )
    with _running("postgres", port, "/usr/sbin/pgbouncer", str(configuration)) as process:
        yield Running(server.set(host="127.0.0.1", port=port), process)


@contextmanager
def nginx(folder: Path, *services: str) -> Iterator[str]:
    """Nginx as docs/operating.md configures it, in front of these services; gives its address.

    Each answer has a header `X-Served-By` with the services that were asked, the last of which answered.
    """
    page = (ROOT / "docs/operating.md").read_text(encoding="utf-8")
    (documented,) = re.findall(r"```nginx\n(.*?)```", page, flags=re.DOTALL)
    for example, service in zip(re.findall(r"[\d.]+:8000", documented), services, strict=True):
        documented = documented.replace(example, service)
    port, configuration = free_port(), folder / "nginx.conf"
    temporary = "".join(
        f"{name}_temp_path {folder / name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration.write_text(
        f"daemon off;\npid {folder / 'nginx.pid'};\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}"
        "add_header X-Served-By $upstream_addr always;\n"
        + documented.replace("server {\n", f"server {{\n    listen 127.0.0.1:{port};\n")
        + "}\n",
        encoding="utf-8",
    )
    with _running(None, port, "/usr/sbin/nginx", "-e", str(folder / "nginx.log"), "-c", str(configuration)):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that the users whom servers run as can reach; pytest's are private."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def _make(folder: Path, user: str) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    _hand_over(folder, user)


def _hand_over(path: Path, user: str) -> None:
    if os.geteuid() == 0:
        shutil.chown(path, user, user)


def _as(user: str | None) -> str | None:
    """These servers refuse to run as root."""
    return user if os.geteuid() == 0 else None


def _run(user: str, *command: str) -> None:
    subprocess.run(command, user=_as(user), cwd="/", check=True, capture_output=True, timeout=START_SECONDS)


@contextmanager
def _running(user: str | None, port: int, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command, user=_as(user), cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        _wait_for(process, port)
        yield process
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS)


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError(f"{process.args!r} did not start")
