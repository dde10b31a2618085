import sys
from functools import partial
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from modules.auth.accounts.schemas import RegisterRequest
from modules.auth.container import Container
from modules.users import Email, EmailTaken
from shared.cli import run
from shared.errors import ValidationFailed

cli = typer.Typer(help="Accounts and who may do what.", no_args_is_help=True)


@cli.command("create-admin")
def create_admin(
    context: typer.Context,
    email: Annotated[str, typer.Option(prompt="E-mail address", help="The administrator's e-mail address.")],
    password_file: Annotated[
        typer.FileText | None,
        typer.Option(
            encoding="utf-8", help="Read the password from the first line of this file; - for standard input."
        ),
    ] = None,
    promote: Annotated[
        bool,
        typer.Option("--promote", help="Take the account that the address has; its address must be confirmed."),
    ] = False,
) -> None:
    """Make an administrator: a new account, or with --promote one that exists.

    An account that is promoted keeps its password, and all its sessions end.

    The password comes from a prompt, from standard input or from a file. It is never an argument, which other users of
    the machine could read in the process list.
    """
    try:
        address = TypeAdapter(Email).validate_python(email)
    except ValidationError:
        raise typer.BadParameter(f"{email!r} is not an e-mail address", param_hint="--email") from None

    if promote:
        if run(context, Container, lambda auth: auth.promotion_service().promote(address)):
            typer.echo(f"{address} is an administrator now. All its sessions have ended; its password is as it was.")
        else:
            typer.echo(f"{address} is an administrator already; nothing was changed.")
        return
    # Before the password is asked for.
    run(context, Container, lambda auth: auth.promotion_service().require_free(address))
    password = _read_password(password_file)
    if not password:
        raise typer.BadParameter("is empty", param_hint="the password")
    try:
        data = RegisterRequest(email=address, password=password)
    except ValidationError as error:
        # Its own text would show the password.
        message = error.errors(include_input=False)[0]["msg"].removeprefix("Value error, ")
        raise ValidationFailed.at("password", type_="password_invalid", msg=f"The password: {message}.") from None
    try:
        created = run(context, Container, lambda auth: auth.registration_service().create_admin(data))
    except EmailTaken:
        # Somebody has registered it meanwhile.
        run(context, Container, lambda auth: auth.promotion_service().require_free(address))
        raise
    typer.echo(f"Created the administrator {created.email}. Log in with POST /api/auth/login.")


@cli.command()
def purge(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
) -> None:
    """Delete sessions, links and audit events that have served their time.

    Sessions are kept for AUTH_SESSION_RETENTION_DAYS after their end, audit events for AUTH_AUDIT_RETENTION_DAYS. Safe
    to run at any time, from a nightly timer for example.
    """
    if dry_run:
        counted = run(context, Container, lambda auth: auth.purge_service().count())
        typer.echo("Would delete " + _listed(counted))
        return
    progress = partial(typer.echo, err=True)
    deleted = run(context, Container, lambda auth: auth.purge_service().purge(lambda kind, n: progress(f"{n} {kind}")))
    typer.echo("Deleted " + _listed(deleted))


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in counts.items()) + "."


def _read_password(file: typer.FileText | None) -> str:
    if file is not None or not sys.stdin.isatty():
        return (file or sys.stdin).readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
