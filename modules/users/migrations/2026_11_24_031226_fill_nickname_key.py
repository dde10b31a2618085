"""fill nickname key

Before you commit this file, read it: it was drafted by comparing the models with a database.
- A renamed column shows up as a dropped one and a new one, and the data would be gone.
- A new column that is NOT NULL needs a server_default, or a fill in between, where there are rows already.
- Do not import from modules/: models change, and this file must mean the same in five years.
"""

import sqlalchemy as sa
from alembic import op

revision = "users_4b11f8b0"
down_revision = "users_7fa817b0"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A revision of its own: it takes longest, and others can read meanwhile if each revision has a transaction.
    # One statement for nearly all rows; a printed script (--sql) can do no more.
    op.execute("UPDATE users SET nickname_key = lower(nickname) WHERE nickname IS NOT NULL")
    if not op.get_context().as_sql:
        casefold()


def casefold() -> None:
    """Casefold the rest, which no database does the same way: "ß" becomes "ss"."""
    users = sa.table("users", sa.column("id", sa.Uuid), sa.column("nickname"), sa.column("nickname_key"))
    rows = sa.select(users).where(users.c.nickname.is_not(None)).order_by(users.c.id).limit(10_000)
    change = users.update().where(users.c.id == sa.bindparam("of")).values(nickname_key=sa.bindparam("key"))
    connection = op.get_bind()
    some = connection.execute(rows).all()
    while some:
        folded = [(row, row.nickname.casefold()) for row in some]
        if keys := [{"of": row.id, "key": key} for row, key in folded if row.nickname_key != key]:
            connection.execute(change, keys)
        some = connection.execute(rows.where(users.c.id > some[-1].id)).all()


def downgrade() -> None:
    pass  # the previous revision drops the column
