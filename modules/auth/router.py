from fastapi import APIRouter

from modules.auth.accounts.router import router as accounts
from modules.auth.addresses.router import router as addresses
from modules.auth.audit.router import router as audit
from modules.auth.passwords.router import router as passwords
from modules.auth.roles.router import router as roles
from modules.auth.sessions.form import development_router
from modules.auth.sessions.router import router as sessions
from modules.auth.sessions.signing_keys import root_router

__all__ = ["development_router", "root_router", "router"]

router = APIRouter()
for subject in (accounts, sessions, passwords, addresses, roles, audit):
    router.include_router(subject)
