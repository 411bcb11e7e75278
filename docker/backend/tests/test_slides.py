"""The file itself, read back with the library that wrote it."""

import io
from datetime import UTC, datetime

import pptx
from pptx.presentation import Presentation

from app.schemas import Outline
from app.slides import build_file

from .conftest import OUTLINE

CREATED_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def built(outline: object = OUTLINE) -> Presentation:
    return pptx.Presentation(io.BytesIO(build_file(Outline.model_validate(outline), CREATED_AT)))


def test_the_file_holds_the_outline_in_order() -> None:
    pages = built().slides

    texts = [[s.text_frame.text for s in page.placeholders if s.has_text_frame] for page in pages]
    assert texts == [
        ["Quarterly review", "Q3"],
        ["Numbers", "Up\nFurther up"],
        ["Questions", ""],
    ]


def test_each_bullet_is_a_paragraph_of_its_own() -> None:
    body = built().slides[1].placeholders[1].text_frame

    assert [paragraph.text for paragraph in body.paragraphs] == ["Up", "Further up"]


def test_only_slides_with_notes_get_a_notes_page() -> None:
    pages = built().slides

    assert [page.has_notes_slide for page in pages] == [False, True, False]
    frame = pages[1].notes_slide.notes_text_frame
    assert frame is not None
    assert frame.text == "Smile."


def test_a_missing_subtitle_leaves_its_place_empty() -> None:
    cover = built({"title": "t", "slides": [{"title": "s"}]}).slides[0]

    assert cover.placeholders[1].text_frame.text == ""


def test_text_that_looks_like_markup_stays_text() -> None:
    cover = built({"title": "<b>&amp;]]>", "slides": [{"title": "s"}]}).slides[0]

    assert cover.placeholders[0].text_frame.text == "<b>&amp;]]>"


def test_pages_are_16_to_9_and_everything_stays_on_them() -> None:
    document = built()

    width, height = document.slide_width, document.slide_height
    assert width is not None
    assert height is not None
    assert round(width / height, 2) == 1.78
    for page in document.slides:
        for shape in page.placeholders:
            margin_left, margin_right = shape.left, width - shape.left - shape.width
            assert margin_left > 0
            assert abs(margin_left - margin_right) <= 2


def test_a_file_holds_nothing_of_those_before_it() -> None:
    built({"title": "First", "subtitle": "s", "slides": [{"title": "a"}, {"title": "b"}]})
    second = built({"title": "Second", "slides": [{"title": "c"}]})

    titles = [page.shapes.title.text_frame.text for page in second.slides if page.shapes.title]
    assert titles == ["Second", "c"]
    assert second.core_properties.title == "Second"
    assert round((second.slide_width or 0) / (second.slide_height or 1), 2) == 1.78


def test_the_properties_are_ours_and_not_the_templates() -> None:
    properties = built().core_properties

    assert properties.title == "Quarterly review"
    assert (properties.author, properties.last_modified_by) == ("SlideGenie", "SlideGenie")
    # The format has no zone; the times in it are UTC.
    assert properties.created == properties.modified == CREATED_AT.replace(tzinfo=None)
    assert properties.revision == 1
