"""`uv run python -m tests.docs`: bring what is made from the code in docs/http-api.md up to date."""

import asyncio
import io
import tempfile
from contextlib import redirect_stderr
from pathlib import Path

from bootstrap import create_app
from migrations.commands import upgrade
from shared.container import Runtime
from shared.database.addresses import database_url
from tests.conftest import module_settings, settings_for
from tests.docs.http_api import PAGE, page_as_it_should_be


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        address = f"sqlite:///{Path(folder) / 'docs.db'}"
        await asyncio.to_thread(upgrade, database_url(address))
        app = create_app(settings_for(address), module_settings=module_settings())
        runtime: Runtime = app.state.runtime
        try:
            PAGE.write_text(await page_as_it_should_be(app), encoding="utf-8")
        finally:
            await runtime.close()


with redirect_stderr(io.StringIO()):  # the log, and the mails
    asyncio.run(main())
