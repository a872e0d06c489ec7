"""Reports: one well-formed file that loads nothing, says what it was given, and takes any text as text."""

import base64
import re
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from studies import StudyError
from studies.pendulum_report import pendulum_report
from studies.report import Excerpt, Report, ReportFigure, Stacked, Table, cell_text, picture, report_html, write_report


def drawing():
    figure = Figure(figsize=(2, 1))
    figure.subplots().plot([0, 1], [0, 1])
    return figure


def small(**changes):
    parts = {
        "title": "A study",
        "summary": "in short",
        "command": "yann study",
        "findings": ("It works.",),
        "figures": (ReportFigure("Line", drawing(), "A line."),),
        "tables": (Table("Costs", ("start", "a", "b"), (("x", 1.25, 3), ("y", None, Stacked(2.5, "1 to 4")))),),
        "excerpts": (Excerpt("At rest", "at angle = 0 rad\nregion 0"),),
        "notes": ("Mind this.",),
        "facts": (("seeds", "0, 1"),),
        "citations": ("Nobody: Nothing.",),
    }
    return Report(**(parts | changes))


def test_the_page_is_well_formed_and_has_every_part(read):
    page = read(report_html(small()))
    assert page.named("html") == [{"lang": "en"}]
    assert [section["id"] for section in page.named("section")] == [
        "findings", "tables", "figures", "explained", "run", "cite",
    ]  # fmt: skip
    targets = [link["href"] for link in page.named("a")]
    assert targets == ["#findings", "#tables", "#figures", "#explained", "#run", "#cite"]
    text = "".join(page.text)
    for words in ("A study", "in short", "It works.", "Figure 1. Line.", "region 0", "Mind this.", "Nobody: Nothing."):
        assert words in text


def test_parts_that_are_empty_are_left_out(read):
    bare = small(figures=(), tables=(), excerpts=(), notes=(), facts=(), citations=())
    assert [section["id"] for section in read(report_html(bare)).named("section")] == ["findings"]


def test_nothing_is_loaded_from_elsewhere(result, read):
    html = report_html(pendulum_report(result))
    page = read(html)
    assert not page.named("script")
    for _, attributes in page.tags:
        for name in ("src", "href", "srcset", "data", "poster"):
            assert re.match(r"data:|#", attributes.get(name, "#"))
        assert not any(name.startswith("on") for name in attributes)
    assert not re.search(r"url\(|@import", html)


def test_pictures_are_whole_and_the_same_every_time():
    uri = picture(drawing())
    assert uri == picture(drawing())
    head, _, body = uri.partition(",")
    assert head == "data:image/svg+xml;base64"
    assert ET.fromstring(base64.b64decode(body)).tag.endswith("svg")  # noqa: S314 our own text


HOSTILE = "<script>alert('1')</script> & \"x\" </td>"


def test_every_text_is_escaped(read):
    html = report_html(
        small(
            title=HOSTILE,
            summary=HOSTILE,
            command=HOSTILE,
            findings=(HOSTILE,),
            notes=(HOSTILE,),
            figures=(ReportFigure(HOSTILE, drawing(), HOSTILE, HOSTILE),),
            tables=(
                Table(
                    HOSTILE, (HOSTILE,), ((HOSTILE,),), ((Stacked(HOSTILE, HOSTILE),),), HOSTILE, groups=((HOSTILE, 1),)
                ),
                Table("second", ("a", HOSTILE), ((HOSTILE, Stacked(HOSTILE, HOSTILE)),)),
            ),
            excerpts=(Excerpt(HOSTILE, HOSTILE),),
            facts=((HOSTILE, HOSTILE),),
            citations=(HOSTILE,),
        )
    )
    page = read(html)
    assert not page.named("script")
    assert "<script" not in html
    assert "".join(page.text).count(HOSTILE) >= 20


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_any_text_comes_back_as_it_was(read, words):
    page = read(report_html(small(findings=(words,), figures=())))
    assert words in "".join(page.text)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (1234.5, "1,234.50"), (-0.125, "-0.12"), (np.float64(2), "2.00"), (1234567, "1,234,567"), (np.int64(3), "3"),
        (None, "-"), (float("nan"), "-"), (True, "yes"), (np.bool_(False), "no"), ("as it is", "as it is"),
    ],
)  # fmt: skip
def test_cells_are_printed(cell, text):
    assert cell_text(cell) == text


def test_a_table_shows_its_numbers_groups_and_sums(read):
    table = Table(
        "Costs", ("start", "before", "after", "word"), (("x", 1.005, 2000, "calm"),), (("sum", 1.0, 2.0, None),),
        note="a note", decimals=3, groups=(("", 1), ("DDPG", 2), ("", 1)),
    )  # fmt: skip
    page = read(report_html(small(tables=(table,), facts=())))
    cells = [cell.strip() for cell in page.cells]
    assert cells == [
        "",
        "DDPG",
        "",
        "start",
        "before",
        "after",
        "word",
        "x",
        "1.005",
        "2,000",
        "calm",
        "sum",
        "1.000",
        "2.000",
        "-",
    ]
    assert [head["colspan"] for head in page.named("th") if "colspan" in head] == ["1", "2", "1"]
    assert table.wordy == (True, False, False, True)


def test_a_table_out_of_shape_is_refused():
    with pytest.raises(StudyError, match=r"'Costs' has 2 columns, but the row \('x',\) has 3 cells"):
        Table("Costs", ("start", "cost"), (("x", 1, 2),))
    with pytest.raises(StudyError, match=r"'Costs' has 2 columns, but its groups .* add up to 3"):
        Table("Costs", ("start", "cost"), (), groups=(("all", 3),))


def test_what_is_no_report_is_refused(tmp_path):
    with pytest.raises(StudyError, match="a report needs a title and findings; it has 'A study' and 0"):
        small(findings=())
    with pytest.raises(StudyError, match="`figure` of 'Line' is Axes; pass a matplotlib Figure"):
        ReportFigure("Line", drawing().axes[0], "")
    with pytest.raises(StudyError, match="`report` is dict; pass a Report"):
        report_html({})
    with pytest.raises(StudyError, match=r"`path` is .*, but the folder .* does not exist; create it first"):
        write_report(small(), tmp_path / "none" / "report.html")


def test_writing_replaces_the_old_file_whole_or_not_at_all(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    broken = small(figures=(SimpleNamespace(title="t", figure=None, caption="c", command=""),))
    with pytest.raises(AttributeError):
        write_report(broken, path)
    assert path.read_text() == "old"
    assert write_report(small(), path) == path
    assert path.read_text("utf-8") == report_html(small())
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
