from fastapi import APIRouter

from modules.auth.router import audit, emails, form, invitations, keys, login, me, passwords, roles, sessions

router = APIRouter()
router.include_router(login.router)
router.include_router(me.router)
router.include_router(sessions.router)
router.include_router(passwords.router)
router.include_router(emails.router)
router.include_router(invitations.router)
router.include_router(roles.router)
router.include_router(audit.router)

root_router = keys.root_router
development_router = form.development_router
