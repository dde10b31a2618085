"""Only for development: a random secret, and a greeting with the addresses."""

import os
import secrets

from dotenv import dotenv_values, set_key

from shared.settings.secret_files import written
from shared.settings.settings import ENV_FILE, Settings

SECRET = "JWT_SECRET_KEY"  # noqa: S105 - the name of the setting


def is_development() -> bool:
    """True in development. Read before the settings, which cannot be loaded without a secret."""
    env = os.environ.get("APP_ENV") or dotenv_values(ENV_FILE).get("APP_ENV") or "development"
    return env.strip().lower() == "development"


def ensure_secret() -> None:
    """Write a fresh random JWT_SECRET_KEY into `.env`, unless there is one already.

    Several processes may start at once: one of them creates the file, and all use its secret.
    """
    given = written(ENV_FILE)
    if not is_development() or given.get(SECRET) or given.get(f"{SECRET}_FILE"):
        return
    try:
        with os.fdopen(os.open(ENV_FILE, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            file.write(
                f"# Made for this checkout. Never commit it; .env.example lists what else can be set.\n{_line()}\n"
            )
    except FileExistsError:
        if not dotenv_values(ENV_FILE).get(SECRET):
            # A copy of .env.example may be readable for everybody; from now on it holds a secret.
            ENV_FILE.chmod(0o600)
            set_key(ENV_FILE, SECRET, secrets.token_urlsafe(48), quote_mode="never")


def greeting(settings: Settings) -> str:
    base = f"http://{settings.app_host}:{settings.app_port}"
    return "\n".join(
        [
            "",
            f"  {settings.app_name} ({settings.app_env})",
            f"  API            {base}",
            f"  Documentation  {base}/docs",
            "  First admin    uv run manage auth create-admin",
            "",
        ]
    )


def _line() -> str:
    return f"{SECRET}={secrets.token_urlsafe(48)}"
