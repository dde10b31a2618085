"""The revision that keeps domains apart in the key of an address, on a table with users in it."""

from alembic import command
from alembic.config import Config

from migrations.commands import INI
from shared.database.addresses import database_url
from shared.testing.databases import execute

BEFORE = "users_86c23119"
# Of each address the key before and after. The last one came when the domains had been told apart.
KEYS = {
    "Ada@example.com": ("ada@example.com", "ada@example.com"),
    "Stra\u00dfe@stra\u00dfe.example": ("strasse@strasse.example", "strasse@stra\u00dfe.example"),
    "info@strau\u00df.de": ("info@strauss.de", "info@strau\u00df.de"),
    "b@\u03c3\u03b1\u03c2.gr": ("b@\u03c3\u03b1\u03c3.gr", "b@\u03c3\u03b1\u03c2.gr"),
    "B\u00dcCHER@b\u00fccher.de": ("b\u00fccher@b\u00fccher.de", "b\u00fccher@b\u00fccher.de"),
}
COLUMNS = "id, email, email_key, is_active, email_verified, created_at, updated_at"


def write(database: str, number: int, email: str, key: str) -> None:
    values = f"'{number:032x}', '{email}', '{key}', true, true, '2026-11-22', '2026-11-22'"
    execute(database, f"INSERT INTO users ({COLUMNS}) VALUES ({values})")


def keys(database: str) -> dict[str, str]:
    return dict(execute(database, "SELECT email, email_key FROM users"))  # type: ignore[arg-type]  # rows of two


def test_users_who_are_there_already_get_a_key_with_their_own_domain(empty_database: str) -> None:
    config = Config(INI)
    config.attributes["url"] = database_url(empty_database)
    command.upgrade(config, BEFORE)
    for number, (email, (before, _)) in enumerate(KEYS.items()):
        write(empty_database, number, email, before)

    command.upgrade(config, "users@head")
    assert keys(empty_database) == {email: after for email, (_, after) in KEYS.items()}

    write(empty_database, 17, "info@strauss.de", "info@strauss.de")
    command.downgrade(config, BEFORE)
    kept = {"info@strau\u00df.de": "info@strau\u00df.de", "info@strauss.de": "info@strauss.de"}
    assert keys(empty_database) == {email: before for email, (before, _) in KEYS.items()} | kept
