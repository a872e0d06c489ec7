"""Tables go between their marks."""

from pathlib import Path

import pytest

from benchmarks.solver.document import insert


def test_only_what_stands_between_the_marks_is_replaced(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("# Title\n<!-- one -->\nold\n<!-- /one -->\nmiddle\n<!-- two -->\n<!-- /two -->\nend\n")
    insert(path, "two", "| new |\n\n")
    insert(path, "one", "first")
    insert(path, "one", "again")
    expected = "# Title\n<!-- one -->\nagain\n<!-- /one -->\nmiddle\n<!-- two -->\n| new |\n<!-- /two -->\nend\n"
    assert path.read_text() == expected


@pytest.mark.parametrize("content", ["", "<!-- one -->\n", "<!-- /one -->\n"])
def test_missing_marks_are_named_and_nothing_is_written(tmp_path, content):
    path = tmp_path / "page.md"
    path.write_text(content)
    with pytest.raises(ValueError, match="lacks the marks <!-- one -->"):
        insert(path, "one", "text")
    assert path.read_text() == content


def test_the_document_has_the_marks_of_both_commands():
    text = (Path(__file__).parents[2] / "docs" / "solver_benchmark.md").read_text()
    for mark in ("<!-- solver -->\n", "<!-- /solver -->\n", "<!-- scale -->\n", "<!-- /scale -->\n"):
        assert text.count(mark) == 1
