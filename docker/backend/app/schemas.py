"""What the API takes and gives. Every limit is here, and each protects something named."""

import re
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from .model import Presentation

MAX_BODY_BYTES = 1024 * 1024
"""Memory: the most one request can make a worker hold before it is checked."""
MAX_SLIDES = 100
"""Processor time: about a second of it."""
MAX_BULLETS = 20
"""Slides that can be read."""

# XML 1.0 cannot express these, not even escaped, so they could never be in a file.
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def _check_characters(value: str) -> str:
    if found := _NOT_IN_XML.search(value):
        raise ValueError(
            f"must hold only characters a presentation can store; "
            f"got U+{ord(found.group()):04X} at position {found.start()}"
        )
    return value


_Storable = AfterValidator(_check_characters)
Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), _Storable
]
Subtitle = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300), _Storable]
Bullet = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), _Storable
]
Notes = Annotated[str, StringConstraints(max_length=5000), _Storable]


class _Input(BaseModel):
    # A misspelled field would otherwise be lost without a word.
    model_config = ConfigDict(extra="forbid", frozen=True)


class Slide(_Input):
    """One slide under the title slide."""

    title: Title
    bullets: Annotated[list[Bullet], Field(max_length=MAX_BULLETS)] = []
    notes: Notes | None = None


class Outline(_Input):
    """What to make a presentation of."""

    title: Title
    subtitle: Subtitle | None = None
    slides: Annotated[list[Slide], Field(min_length=1, max_length=MAX_SLIDES)]


class PresentationView(BaseModel):
    """A presentation as the API shows it."""

    id: UUID
    title: str
    subtitle: str | None
    slide_count: int
    """The title slide included."""
    size_bytes: int
    sha256: str
    created_at: datetime
    download_url: str
    """Relative to the origin, as only the caller knows under which name it reached us."""

    @classmethod
    def of(cls, presentation: Presentation) -> Self:
        """Show a record."""
        return cls(
            id=presentation.id,
            title=presentation.title,
            subtitle=presentation.subtitle,
            slide_count=presentation.slide_count,
            size_bytes=presentation.size_bytes,
            sha256=presentation.sha256,
            created_at=presentation.created_at,
            download_url=f"/api/v1/presentations/{presentation.id}/download",
        )


class PresentationPage(BaseModel):
    """Some presentations, the newest first."""

    items: list[PresentationView]
    next_cursor: str | None
    """Pass it as `cursor` to go on; null on the last page."""
