"""The revisions that make the list of users searchable, on a table with users in it."""

import unicodedata

from alembic import command
from alembic.config import Config

from migrations.commands import INI
from shared.database.addresses import database_url
from shared.testing.databases import execute

BEFORE = "users_3baca976"
# As the model makes them: no database can.
KEYS = {
    "Ada Lovelace": "ada lovelace",
    "Stra\u00dfe": "strasse",
    "\u00c9lan": "\u00e9lan",
    "\u039f\u0394\u039f\u03a3": "\u03bf\u03b4\u03bf\u03c3",
    "100% sure": "100% sure",
    "Jose\u0301": "jos\u00e9",
    "\uff26\uff55\uff4c\uff4c": "full",
    "\u015e\u0130\u015eL\u0130": "\u015fi\u015fli",
    "\ufdfa" * 50: unicodedata.normalize("NFKC", "\ufdfa" * 50)[:150],
    None: None,
}


def test_users_who_are_there_already_get_their_keys(empty_database: str) -> None:
    config = Config(INI)
    config.attributes["url"] = database_url(empty_database)
    command.upgrade(config, BEFORE)
    columns = "id, email, email_key, nickname, is_active, email_verified, created_at, updated_at"
    for number, nickname in enumerate(KEYS):
        written = "NULL" if nickname is None else f"'{nickname}'"
        values = f"'{number:032x}', '{number}@x.io', '{number}@x.io', {written}, true, true, '2026-11-22', '2026-11-22'"
        execute(empty_database, f"INSERT INTO users ({columns}) VALUES ({values})")

    command.upgrade(config, "heads")
    rows = execute(empty_database, "SELECT nickname, nickname_key FROM users")
    assert dict(rows) == KEYS  # type: ignore[arg-type]  # rows of two

    command.downgrade(config, BEFORE)
    assert {row[0] for row in execute(empty_database, "SELECT nickname FROM users")} == set(KEYS)


def test_on_postgresql_what_is_searched_is_compared_by_code_points(database: str) -> None:
    if not database.startswith("postgresql"):
        return  # the others do so without being told
    query = "SELECT column_name FROM information_schema.columns WHERE table_name = 'users' AND collation_name = 'C'"

    assert {row[0] for row in execute(database, query)} == {"email_key", "nickname_key"}
