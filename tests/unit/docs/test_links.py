"""The pages of packaging/docs lead to each other, and to nothing that is not there."""
import re

import pages


def slug(title):
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", title).lower()).replace(" ", "-")


def anchors(page):
    return {slug(title) for level in range(1, 5) for title in pages.titles(page, level)}


def links(page):
    without_code = re.sub(r"^```.*?^```", "", pages.text_of(page), flags=re.S | re.M)
    return re.findall(r"\]\(([^)\s]+)\)", without_code)


def test_every_link_leads_somewhere():
    lost = []
    for path in pages.FOLDER.glob("*.md"):
        for link in links(path.name):
            target, _, anchor = link.partition("#")
            if "://" in link:
                continue
            there = (pages.FOLDER / target).resolve() if target else path
            if not there.exists() or (anchor and anchor not in anchors(there)):
                lost.append(f"{path.name}: {link}")
    assert not lost


def test_the_index_leads_to_every_page():
    assert {path.name for path in pages.FOLDER.glob("*.md")} - {"README.md"} <= set(links("README.md"))
