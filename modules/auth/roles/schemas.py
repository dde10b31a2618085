"""The bodies for roles and permissions."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared.http import LEFT_OUT, PatchBody, RequestBody, ResponseData, SafeText

RoleName = Annotated[
    str,
    # A `-` that means itself is escaped: browsers compile patterns so that they want it.
    Field(
        pattern=r"^[a-z][a-z0-9_\-]*$",
        max_length=50,
        description="The name of a role: lower case, a letter first.",
        examples=["editor"],
    ),
]
RoleDescription = Annotated[SafeText, Field(max_length=255, description="What it is for.", examples=["Edits texts."])]
PermissionNames = Annotated[
    list[Annotated[SafeText, Field(max_length=150)]],
    Field(max_length=1000, description="What its holders may do.", examples=[["users:user.read"]]),
]


class PermissionRead(ResponseData):
    """Something that a role may hold."""

    name: str = Field(description="Of the form `module:resource.action`.", examples=["users:user.read"])
    description: str = Field(description="What its holders may do.", examples=["See every user."])
    module: str = Field(description="Which module declares it.", examples=["users"])
    by_default: bool = Field(description="Whether every account holds it, through the built-in role `user`.")


class RoleCreate(RequestBody):
    """A role of your own making."""

    name: RoleName
    description: RoleDescription = ""
    permissions: PermissionNames = Field(default_factory=list)


class RoleUpdate(PatchBody):
    """What is left out stays as it is."""

    description: RoleDescription = LEFT_OUT
    permissions: PermissionNames = LEFT_OUT


class RoleRead(ResponseData):
    """A role. What the built-in ones hold follows from what the modules declare."""

    name: str = Field(description="Names the role.", examples=["editor"])
    description: str = Field(description="What it is for.", examples=["Edits texts."])
    is_builtin: bool = Field(description="Whether it can be neither changed nor deleted.")
    permissions: list[str] = Field(description="What its holders may do.", examples=[["users:user.read"]])


class UserRoles(RequestBody):
    """The roles that a user shall have."""

    roles: Annotated[
        list[RoleName], Field(max_length=100, description="All of them, by their names.", examples=[["editor", "user"]])
    ]


class UserRolesRead(ResponseData):
    """The roles that a user has."""

    roles: list[str] = Field(description="Their names.", examples=[["editor", "user"]])


class CallerRead(ResponseData):
    """What the caller may do at this moment."""

    user_id: UUID = Field(description="Whose access token it is.")
    session_id: UUID = Field(description="The session that it belongs to.")
    roles: list[str] = Field(description="The roles you hold.", examples=[["user"]])
    permissions: list[str] = Field(
        description="What you may do: what your roles hold together. None while the password must be changed.",
        examples=[["users:user.read"]],
    )
    must_change_password: bool = Field(
        description="Whether a new password comes first: until then every route that requires a permission is closed."
    )
    locale: str = Field(description="The language of the mails to you.", examples=["en"])
    authenticated_at: datetime = Field(description="When you logged in to this session.")
