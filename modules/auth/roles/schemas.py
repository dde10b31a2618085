"""The bodies for roles and permissions."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared.http import LEFT_OUT, PatchBody, RequestBody, ResponseData, SafeText

RoleName = Annotated[
    str,
    # A literal `-` is escaped, as browsers require in patterns.
    Field(
        pattern=r"^[a-z][a-z0-9_\-]*$",
        max_length=50,
        description="The name of a role: lower case, a letter first.",
        examples=["editor"],
    ),
]
RoleDescription = Annotated[
    SafeText, Field(max_length=255, description="The purpose of the role.", examples=["Edits texts."])
]
PermissionNames = Annotated[
    list[Annotated[SafeText, Field(max_length=150)]],
    Field(max_length=1000, description="The permissions of its holders.", examples=[["users:user.read"]]),
]


class PermissionRead(ResponseData):
    """A permission that a role may hold."""

    name: str = Field(description="Of the form `module:resource.action`.", examples=["users:user.read"])
    description: str = Field(description="What its holders may do.", examples=["See every user."])
    module: str = Field(description="The module that declares it.", examples=["users"])
    by_default: bool = Field(description="Whether every account holds it, through the built-in role `user`.")


class RoleCreate(RequestBody):
    """A new role."""

    name: RoleName
    description: RoleDescription = ""
    permissions: PermissionNames = Field(default_factory=list)


class RoleUpdate(PatchBody):
    """Fields that are left out stay unchanged."""

    description: RoleDescription = LEFT_OUT
    permissions: PermissionNames = LEFT_OUT


class RoleRead(ResponseData):
    """A role. The modules declare the permissions of the built-in ones."""

    name: str = Field(description="The name of the role.", examples=["editor"])
    description: str = Field(description="The purpose of the role.", examples=["Edits texts."])
    is_builtin: bool = Field(description="Whether it can be neither changed nor deleted.")
    permissions: list[str] = Field(description="The permissions of its holders.", examples=[["users:user.read"]])


class UserRoles(RequestBody):
    """The new roles of a user."""

    roles: Annotated[
        list[RoleName], Field(max_length=100, description="The names of all roles.", examples=[["editor", "user"]])
    ]


class UserRolesRead(ResponseData):
    """The roles that a user has."""

    roles: list[str] = Field(description="The names of the roles.", examples=[["editor", "user"]])


class CallerRead(ResponseData):
    """The caller's current roles and permissions."""

    user_id: UUID = Field(description="The id of the user whose access token it is.")
    session_id: UUID = Field(description="The id of the session that the token belongs to.")
    roles: list[str] = Field(description="The roles you hold.", examples=[["user"]])
    permissions: list[str] = Field(
        description="The permissions of all your roles. None while the password must be changed.",
        examples=[["users:user.read"]],
    )
    must_change_password: bool = Field(
        description="Whether you must change the password first: until then you hold no permission."
    )
    locale: str = Field(description="The language of the mails to you.", examples=["en"])
    authenticated_at: datetime = Field(description="When you logged in to this session.")
