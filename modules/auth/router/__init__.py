from fastapi import APIRouter

from modules.auth.router import login

router = APIRouter()
router.include_router(login.router)
