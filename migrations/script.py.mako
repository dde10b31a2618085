"""${message}

Before you commit this file, read it: it was drafted by comparing the models with a database.
- A renamed column shows up as a dropped one and a new one, and the data would be gone.
- Not seen: a changed primary key, the name of a foreign key, options of a table, and what SQL in `op.execute` made.
- A new column that is NOT NULL needs a server_default, or a fill in between, where there are rows already.
- Do not import from modules/: models change, and this file must mean the same in five years.
"""
<%!
def quoted(value):
    if value is None:
        return "None"
    if isinstance(value, str):
        return f'"{value}"'
    return "(" + ", ".join(f'"{one}"' for one in value) + ("," if len(value) == 1 else "") + ")"
%>
import sqlalchemy as sa
from alembic import op
${imports + "\n" if imports else ""}
revision = ${quoted(up_revision)}
down_revision = ${quoted(down_revision)}
branch_labels = ${quoted(branch_labels)}
depends_on = ${quoted(depends_on)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
