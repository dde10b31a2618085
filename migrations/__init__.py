"""One branch of migrations a module.

Alembic imports this package before it looks for revision files, and `locations` must be in place by then. The service
imports it too, and leaves Alembic out of its memory: nine megabytes a worker, for what it never does.
"""

import sys

if "alembic" in sys.modules:
    import migrations.locations  # noqa: F401 - imported for its effect
