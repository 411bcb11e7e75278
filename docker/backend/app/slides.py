"""Builds the .pptx file. Plain and blocking: the caller keeps it off the event loop."""

import io
from datetime import datetime
from functools import cache

import pptx
from pptx.enum.text import MSO_AUTO_SIZE
from pptx.presentation import Presentation as Document
from pptx.shapes.placeholder import SlidePlaceholder
from pptx.util import Emu, Inches

from .schemas import Outline, Slide

WIDTH = Inches(13.333)
"""16:9; the library's template is 4:3."""
TITLE_LAYOUT = 0
CONTENT_LAYOUT = 1


def build_file(outline: Outline, created_at: datetime) -> bytes:
    """Return a presentation with a title slide and one slide for each of the outline."""
    document = pptx.Presentation(io.BytesIO(_template()))
    _describe(document, outline, created_at)
    cover = document.slides.add_slide(document.slide_layouts[TITLE_LAYOUT])
    _placeholder(cover.placeholders[0]).text_frame.text = outline.title
    if outline.subtitle:
        _placeholder(cover.placeholders[1]).text_frame.text = outline.subtitle
    for slide in outline.slides:
        _add_slide(document, slide)
    content = io.BytesIO()
    document.save(content)
    return content.getvalue()


def _add_slide(document: Document, slide: Slide) -> None:
    page = document.slides.add_slide(document.slide_layouts[CONTENT_LAYOUT])
    _placeholder(page.placeholders[0]).text_frame.text = slide.title
    body = _placeholder(page.placeholders[1]).text_frame
    # The program that opens the file shrinks what does not fit.
    body.auto_size = MSO_AUTO_SIZE.TEXT_TO_FIT_SHAPE
    for number, bullet in enumerate(slide.bullets):
        paragraph = body.add_paragraph() if number else body.paragraphs[0]
        paragraph.text = bullet
    if slide.notes and (notes := page.notes_slide.notes_text_frame):
        notes.text = slide.notes


def _placeholder(shape: object) -> SlidePlaceholder:
    if not isinstance(shape, SlidePlaceholder):
        raise TypeError(f"the template has a {type(shape).__name__} where text belongs")
    return shape


@cache
def _template() -> bytes:
    """Return the library's template, widened once: that is four times the work of one file."""
    document = pptx.Presentation()
    _widen(document)
    content = io.BytesIO()
    document.save(content)
    return content.getvalue()


def _widen(document: Document) -> None:
    """Stretch the template's own placeholders along, so that they stay centred on a wider page."""
    old_width = document.slide_width or Inches(10)
    # Layouts first: what they do not say themselves they take from the master.
    for layer in (*document.slide_layouts, document.slide_master):
        for shape in layer.placeholders:
            left, top, width, height = shape.left, shape.top, shape.width, shape.height
            shape.left = Emu(left * WIDTH // old_width)
            shape.width = Emu(width * WIDTH // old_width)
            shape.top, shape.height = top, height
    document.slide_width = WIDTH


def _describe(document: Document, outline: Outline, created_at: datetime) -> None:
    """Replace the properties that the template's author left in it."""
    properties = document.core_properties
    properties.title = outline.title
    properties.author = properties.last_modified_by = "SlideGenie"
    properties.created = properties.modified = created_at
    properties.revision = 1
