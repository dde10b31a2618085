"""A page has what its query asks for, with a search as without one."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import ForeignKey, Select, String, inspect, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    contains_eager,
    joinedload,
    load_only,
    mapped_column,
    relationship,
    selectinload,
    with_loader_criteria,
)

from shared.database import Database
from shared.keys import KeyRing
from shared.paging import BeginsWith, PageOf, PageRequest, Paginator, search_key
from shared.testing.applications import SECRET


class Base(DeclarativeBase):
    pass


class Blog(Base):
    __tablename__ = "blogs"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    tenant: Mapped[str] = mapped_column(String(20))


class Post(Base):
    __tablename__ = "posts"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    blog_id: Mapped[UUID] = mapped_column(ForeignKey(Blog.id))
    title: Mapped[str] = mapped_column(search_key(50), index=True)
    rank: Mapped[int] = mapped_column(index=True)
    body: Mapped[str] = mapped_column(String(50), default="long")
    tenant: Mapped[str] = mapped_column(String(20))
    blog: Mapped[Blog] = relationship()
    tags: Mapped[list["Tag"]] = relationship()


class Tag(Base):
    __tablename__ = "tags"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    post_id: Mapped[UUID] = mapped_column(ForeignKey(Post.id))
    word: Mapped[str] = mapped_column(String(20))


OURS = with_loader_criteria(Post, Post.tenant == "ours")
QUERIES: dict[str, Select[Any]] = {
    "selectinload": select(Post).where(Post.tenant == "ours").options(selectinload(Post.tags), selectinload(Post.blog)),
    "joinedload": select(Post).where(Post.tenant == "ours").options(joinedload(Post.blog), joinedload(Post.tags)),
    "joined": select(Post).join(Post.blog).where(Blog.tenant == "ours").options(contains_eager(Post.blog)),
    "criteria": select(Post).options(OURS, selectinload(Post.blog)),
    "only": select(Post).where(Post.tenant == "ours").options(load_only(Post.title, Post.rank)),
    "execution": select(Post).where(Post.tenant == "ours").execution_options(populate_existing=True),
}


@pytest.fixture
async def posts(empty_database: str) -> AsyncIterator[Database]:
    """Nine of ours and nine of theirs, half of them about apples."""
    opened = Database(empty_database)
    async with opened.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with opened.transaction() as session:
        for tenant in ("ours", "theirs"):
            blog = Blog(tenant=tenant)
            for number in range(9):
                title = f"{'pear' if number % 2 else 'apple'} {number}"
                tags = [Tag(word=f"tag {number}"), Tag(word="all")]
                session.add(Post(blog=blog, title=title, rank=number, tags=tags, tenant=tenant))
    yield opened
    await opened.close()


@pytest.mark.parametrize("sort", ["rank", "-rank", "title", "-title"])
@pytest.mark.parametrize("query", QUERIES)
async def test_a_search_keeps_what_its_query_asks_for(posts: Database, query: str, sort: str) -> None:
    paginator, cursor = Paginator(KeyRing((SECRET,))), None
    found: list[Post] = []
    while True:
        async with posts.read() as session:
            page: PageOf[Any] = await paginator.page(
                session,
                QUERIES[query],
                PageRequest(sort, 2, cursor, total=True),
                columns={"rank": Post.rank, "title": Post.title},
                key=Post.id,
                search=[BeginsWith(Post.title, "apple")],
            )
        found += page.rows
        cursor = page.next_cursor
        assert page.total == 5
        if cursor is None:
            break

    numbers = [0, 2, 4, 6, 8]
    assert [post.rank for post in found] == (numbers[::-1] if sort.startswith("-") else numbers)
    assert {post.title.split()[0] for post in found} == {"apple"}
    unloaded = set().union(*(inspect(post).unloaded for post in found))
    if query == "only":
        assert {"body", "tenant"} <= unloaded
    else:
        assert {post.tenant for post in found} == {"ours"}
    if query in ("selectinload", "joinedload"):
        assert {len(post.tags) for post in found} == {2}
    if query in ("selectinload", "joinedload", "joined", "criteria"):
        assert {post.blog.tenant for post in found} == {"ours"}
