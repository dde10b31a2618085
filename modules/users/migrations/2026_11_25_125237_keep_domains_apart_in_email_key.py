"""keep domains apart in email key

Before you commit this file, read it: it was drafted by comparing the models with a database.
- A renamed column shows up as a dropped one and a new one, and the data would be gone.
- A new column that is NOT NULL needs a server_default, or a fill in between, where there are rows already.
- Do not import from modules/: models change, and this file must mean the same in five years.
"""

import sqlalchemy as sa
from alembic import op

revision = "users_cc83437e"
down_revision = "users_86c23119"
branch_labels = None
depends_on = None


users = sa.table("users", sa.column("id", sa.Uuid), sa.column("email"), sa.column("email_key"))
# The letters that casefolding changes and IDNA 2008 tells apart.
FOLDED = {"\u00df": "ss", "\u03c2": "\u03c3"}


def upgrade() -> None:
    # The whole address was casefolded, which made two domains the same: "ß" was "ss". The address itself has the right
    # domain. No two keys become the same, since the new key distinguishes more addresses.
    is_postgresql = op.get_context().dialect.name == "postgresql"
    at = sa.func.strpos if is_postgresql else sa.func.instr
    local_part = sa.func.substr(users.c.email_key, 1, at(users.c.email_key, "@"))
    domain = sa.func.substr(users.c.email, at(users.c.email, "@") + 1)
    key = sa.type_coerce(local_part, sa.String) + sa.func.lower(domain, type_=sa.String)
    op.execute(users.update().where(users.c.email_key != key).values(email_key=key))


def downgrade() -> None:
    if op.get_context().as_sql:
        return  # a printed script cannot check whether a key is taken
    connection = op.get_bind()
    changed = sa.or_(*(users.c.email_key.contains(letter) for letter in FOLDED))
    for row in connection.execute(sa.select(users).where(changed)).all():
        key = row.email_key.translate(str.maketrans(FOLDED))
        # If two accounts would get the same key, one keeps its own, and cannot log in until the next upgrade.
        if connection.scalar(sa.select(users.c.id).where(users.c.email_key == key)) is None:
            connection.execute(users.update().where(users.c.id == row.id).values(email_key=key))
