from pathlib import Path

import pytest

from modules.auth.settings import Settings as AuthSettings
from shared.settings import Settings
from shared.settings.unknown import unknown_settings


def test_what_no_setting_is_called_is_named_with_what_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".env"
    file.write_text("APP_NAME=a\nJWT_SECRET_KEY_FILE=/x\nCOLOUR=red\nSMTP_ULR=x\n", encoding="utf-8")
    for name in ("AUTH_BCRYPT_COSTS", "AUTH_BCRYPT_COST", "AUTH_ANYTHING", "DATABASE_POOLSIZE", "SOMEBODY_ELSES"):
        monkeypatch.setenv(name, "5")

    assert unknown_settings([Settings, AuthSettings], file) == [
        "AUTH_ANYTHING",
        "AUTH_BCRYPT_COSTS (did you mean AUTH_BCRYPT_COST?)",
        "COLOUR",
        "DATABASE_POOLSIZE (did you mean DATABASE_POOL_SIZE?)",
        "SMTP_ULR",
    ]
