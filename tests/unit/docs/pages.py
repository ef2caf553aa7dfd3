"""What packaging/docs says, by the form in which its pages say it."""
import re

from e2k_support import paths

FOLDER = paths.root_dir() / "packaging" / "docs"


def text_of(page):
    return (FOLDER / page).read_text()


def section(page, title, level=2):
    """What stands under a heading, up to the next one of its level or a higher one."""
    found = re.search(rf"^{'#' * level} {re.escape(title)}\n(.*?)(?=^#{{1,{level}}} |\Z)", text_of(page), re.S | re.M)
    assert found, f"{page} has no section {title!r}"
    return found[1]


def titles(page, level):
    return re.findall(rf"^{'#' * level} (.+)$", text_of(page), re.M)


def rows(text):
    """Cells of the tables in a text, without heads."""
    lines = [line.strip() for line in text.splitlines()]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line[1:-1])]
            for number, line in enumerate(lines) if line.startswith("|") and not line.startswith("|--")
            and not (number + 1 < len(lines) and lines[number + 1].startswith("|--"))]


def code_in(cell):
    return re.findall(r"`([^`]+)`", cell)
