from fastapi import APIRouter

from modules.auth.router import keys, login

router = APIRouter()
router.include_router(login.router)

root_router = keys.root_router
