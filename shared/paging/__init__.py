"""Lists page by page, and searches in them."""

from shared.paging.cursors import LONGEST_TEXT
from shared.paging.keyset import Cursor, Limit, Page, PageOf, PageRequest, Pages, Paginator, WithTotal
from shared.paging.search import BeginsWith, fits_key, search_key, search_text

__all__ = [
    "LONGEST_TEXT",
    "BeginsWith",
    "Cursor",
    "Limit",
    "Page",
    "PageOf",
    "PageRequest",
    "Pages",
    "Paginator",
    "WithTotal",
    "fits_key",
    "search_key",
    "search_text",
]
