"""The pages of packaging/docs lead to each other, and to nothing that is not there."""
import re

import pages


def slug(title):
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", title).lower()).replace(" ", "-")


def anchors(page):
    return {slug(title) for level in range(1, 5) for title in pages.titles(page, level)}


def all_pages():
    return sorted(path.relative_to(pages.FOLDER) for path in pages.FOLDER.rglob("*.md"))


def links(page):
    without_code = re.sub(r"^```.*?^```", "", pages.text_of(page), flags=re.S | re.M)
    return re.findall(r"\]\(([^)\s]+)\)", without_code)


def test_every_link_leads_somewhere():
    lost = []
    for page in all_pages():
        for link in links(page):
            target, _, anchor = link.partition("#")
            if "://" in link:
                continue
            there = (pages.FOLDER / page.parent / target).resolve() if target else pages.FOLDER / page
            if not there.exists() or (anchor and anchor not in anchors(there)):
                lost.append(f"{page}: {link}")
    assert not lost


def test_each_folders_index_leads_to_every_page():
    for folder in {page.parent for page in all_pages()}:
        there = {page.name for page in all_pages() if page.parent == folder} - {"README.md"}
        assert there <= set(links(folder / "README.md")), folder
