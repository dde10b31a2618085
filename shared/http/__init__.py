"""Bodies and answers: the envelope, the types of bodies, and how failures become answers."""

from shared.http.bodies import (
    LEFT_OUT,
    AnyText,
    Name,
    Paragraphs,
    PatchBody,
    RequestBody,
    ResponseData,
    SafeText,
    parse_body,
)
from shared.http.client import client_key
from shared.http.created import Created
from shared.http.early import MAXIMUM_ERRORS
from shared.http.envelope import ApiResponse, success
from shared.http.stated_failures import bounded_by_settings, failures
from shared.http.values import BigWhole, Moment, SmallWhole, Whole

__all__ = [
    "LEFT_OUT",
    "MAXIMUM_ERRORS",
    "AnyText",
    "ApiResponse",
    "BigWhole",
    "Created",
    "Moment",
    "Name",
    "Paragraphs",
    "PatchBody",
    "RequestBody",
    "ResponseData",
    "SafeText",
    "SmallWhole",
    "Whole",
    "bounded_by_settings",
    "client_key",
    "failures",
    "parse_body",
    "success",
]
