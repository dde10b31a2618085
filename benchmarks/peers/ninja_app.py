"""django-ninja on Django's ASGI application, as their documentation sets them up."""

import os
from datetime import datetime
from uuid import UUID, uuid4

import django
import jwt

os.environ["DJANGO_SETTINGS_MODULE"] = "ninja_settings"
django.setup()

from django.conf import settings  # noqa: E402 - Django's models must be imported after its setup
from django.core.asgi import get_asgi_application  # noqa: E402
from django.db import models  # noqa: E402
from django.urls import path  # noqa: E402
from ninja import NinjaAPI, Schema  # noqa: E402
from ninja.security import HttpBearer  # noqa: E402
from pydantic import Field  # noqa: E402

AUDIENCE = "fastapi-users:auth"


class User(models.Model):
    id = models.UUIDField(primary_key=True)
    email = models.CharField(max_length=254)
    nickname = models.CharField(max_length=50, null=True)  # noqa: DJ001 - the table is not Django's
    is_active = models.BooleanField()
    email_verified = models.BooleanField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        app_label = "bench"
        db_table = "users"
        managed = False

    def __str__(self) -> str:
        return self.email


class UserRead(Schema):
    id: UUID
    email: str
    nickname: str | None
    is_active: bool
    email_verified: bool
    created_at: datetime
    updated_at: datetime


class Envelope(Schema):
    code: str = "ok"
    message: str = "OK"
    data: UserRead
    request_id: str = Field(default_factory=lambda: str(uuid4()))


class Bearer(HttpBearer):
    async def authenticate(self, request, token):  # noqa: ARG002 - ninja's signature
        try:
            claims = jwt.decode(token, settings.SECRET_KEY, algorithms=["HS256"], audience=AUDIENCE)
            return await User.objects.aget(pk=UUID(claims["sub"]))
        except (jwt.PyJWTError, User.DoesNotExist):
            return None


api = NinjaAPI()


@api.get("/users/me", auth=Bearer(), response=Envelope)
async def get_me(request):
    return {"data": request.auth}


urlpatterns = [path("api/", api.urls)]
app = get_asgi_application()
