"""normalise nickname key

Before you commit this file, read it: it was drafted by comparing the models with a database.
- A renamed column shows up as a dropped one and a new one, and the data would be gone.
- A new column that is NOT NULL needs a server_default, or a fill in between, where there are rows already.
- Do not import from modules/: models change, and this file must mean the same in five years.
"""

import unicodedata
from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "users_5d0e7a94"
down_revision = "users_cc83437e"
branch_labels = None
depends_on = None

LENGTH = 150


def upgrade() -> None:
    # No database does this: after a printed script (--sql) the keys are unchanged, and a search finds fewer spellings.
    if not op.get_context().as_sql:
        rewrite(normalised)


def downgrade() -> None:
    if not op.get_context().as_sql:
        rewrite(str.casefold)


def normalised(nickname: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", nickname).casefold())
    return folded.replace("\u0307", "").replace("\u0131", "i")


def rewrite(key_of: Callable[[str], str]) -> None:
    users = sa.table("users", sa.column("id", sa.Uuid), sa.column("nickname"), sa.column("nickname_key"))
    rows = sa.select(users).where(users.c.nickname.is_not(None)).order_by(users.c.id).limit(10_000)
    change = users.update().where(users.c.id == sa.bindparam("of")).values(nickname_key=sa.bindparam("key"))
    connection = op.get_bind()
    some = connection.execute(rows).all()
    while some:
        # An old nickname may have a longer key than is allowed now: it is cut, and found by its beginning.
        keys = [(row, key_of(row.nickname)[:LENGTH]) for row in some]
        if changed := [{"of": row.id, "key": key} for row, key in keys if row.nickname_key != key]:
            connection.execute(change, changed)
        some = connection.execute(rows.where(users.c.id > some[-1].id)).all()
