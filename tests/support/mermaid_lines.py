"""A strict reader of the diagrams that we draw: what it takes, Mermaid takes, and lays out without errors.

It knows less than Mermaid. Beside the form of each line it holds a drawing to what Mermaid was found to need: an arrow
stays among the boxes of one row, and in a box the boxes with others in them come first and the arrows last.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_SIGN = r"(?:[^\W_]|[ ,/()?='\[\]•→⚙⏱✗◉_.\-]|[^\x00-\x7f]|#\d+;)"
_LABEL = rf"(?:{_SIGN}|<br/>)+"
_ID = r"[A-Za-z0-9_]+"
_HEAD = re.compile(
    r'---\ntitle: "(?:[^"\\]|\\.)*"\nconfig:\n  flowchart:\n    curve: monotoneY\n---\nstateDiagram-v2\n'
)
_BOX = re.compile(rf'state "({_LABEL})" as ({_ID})( {{)?')
_LINE = re.compile(rf"({_ID}) : ({_LABEL})")
_ARROW = re.compile(rf"({_ID}|\[\*\]) --> ({_ID})(?: : ({_LABEL}))?")
_CLASS_DEF = re.compile(r"classDef ([a-z]+) [a-z0-9#:, -]+")
_CLASS = re.compile(rf"class ({_ID}(?:,{_ID})*) ([a-z]+)")
_MADE_BY_MERMAID = re.compile(r".*_(?:start|end)|divider-id-\d+|root|.*----.*")
_READ_ANYWHERE = re.compile(r"direction\s|www\.|\bstyle.*:\S*#.*;", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its texts, unescaped, and the rows of boxes in it."""

    title: str
    lines: list[str] = field(default_factory=list)
    rows: "list[Row]" = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Row:
    """Boxes among which arrows run: start, end and text."""

    boxes: dict[str, Box] = field(default_factory=dict)
    arrows: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a diagram shows."""

    top: Row
    classes: dict[str, list[str]]

    def rows(self) -> Iterator[Row]:
        yield from _rows(self.top)

    def boxes(self) -> dict[str, Box]:
        return {name: box for row in self.rows() for name, box in row.boxes.items()}

    def arrows(self) -> list[tuple[str, str, str]]:
        return [arrow for row in self.rows() for arrow in row.arrows]

    def texts(self) -> Iterator[str]:
        for box in self.boxes().values():
            yield from (box.title, *box.lines)
        yield from (text for _, _, text in self.arrows())


def _rows(row: Row) -> Iterator[Row]:
    yield row
    for box in row.boxes.values():
        for inner in box.rows:
            yield from _rows(inner)


def read_diagram(text: str) -> Drawing:
    """Read a diagram; what it does not take is an AssertionError that shows the line."""
    head = _HEAD.match(text)
    assert head is not None, text
    assert text.endswith("\n")
    assert not _READ_ANYWHERE.search(text), _READ_ANYWHERE.search(text)
    lines = [line.strip() for line in text[head.end() :].splitlines()]
    first_class = next(
        (place for place, line in enumerate(lines) if line.startswith(("class ", "classDef "))), len(lines)
    )
    row, rest = _read_row(lines[:first_class], is_top=True)
    assert not rest, rest
    drawing = Drawing(row, dict(_read_classes(lines[first_class:])))
    names = [name for found in drawing.rows() for name in found.boxes]
    assert len(set(names)) == len(names), names
    assert not [name for name in names if _MADE_BY_MERMAID.fullmatch(name)]
    assert {name for members in drawing.classes.values() for name in members} <= set(names)
    return drawing


def _read_classes(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    for style, members in zip(lines[::2], lines[1::2], strict=True):
        defined, used = _CLASS_DEF.fullmatch(style), _CLASS.fullmatch(members)
        assert defined is not None, style
        assert used is not None, members
        assert defined[1] == used[2]
        yield used[2], used[1].split(",")


def _read_row(lines: list[str], *, is_top: bool = False) -> tuple[Row, list[str]]:
    """Read one row; return it and the lines from the one that ended it."""
    row = Row()
    while lines and lines[0] not in {"--", "}"}:
        line, lines = lines[0], lines[1:]
        if box := _BOX.fullmatch(line):
            assert not [arrow for arrow in row.arrows if arrow[0] != "[*]"], f"a box after an arrow: {line}"
            assert is_top or not box[3] or all(other.rows for other in row.boxes.values()), f"late: {line}"
            row.boxes[box[2]] = Box(unescape(box[1]))
            if box[3]:
                lines = _read_inside(row.boxes[box[2]], lines)
        elif inside := _LINE.fullmatch(line):
            row.boxes[inside[1]].lines.append(unescape(inside[2]))
        else:
            arrow = _ARROW.fullmatch(line)
            assert arrow is not None, line
            row.arrows.append((arrow[1], arrow[2], unescape(arrow[3] or "")))
    pairs = [(start, end) for start, end, _ in row.arrows]
    assert len(set(pairs)) == len(pairs), pairs
    assert {name for pair in pairs for name in pair} <= {*row.boxes, "[*]"}, pairs
    assert all(start != end for start, end in pairs)
    return row, lines


def _read_inside(box: Box, lines: list[str]) -> list[str]:
    while True:
        row, lines = _read_row(lines)
        assert row.boxes, f"nothing stands in a region of {box.title}"
        box.rows.append(row)
        end, lines = lines[0], lines[1:]
        if end == "}":
            return lines


def unescape(label: str) -> str:
    """Return a label as it is shown, in one line."""
    return html.unescape(re.sub(r"#(\d+);", r"&#\1;", label.replace("<br/>", " ")))
