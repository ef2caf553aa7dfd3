"""roff, and the Markdown of packaging/docs as roff: headings, paragraphs, tables, lists, blocks of code.

The output is ASCII, so that it looks the same wherever it is rendered.
"""
import re


def plain(text):
    """Text that roff takes for nothing else."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = "".join(c if ord(c) < 128 else f"\\[u{ord(c):04X}]" for c in text)
    return "\\&" + text if text[:1] in ("'", ".") else text


def bold(text):
    return f"\\fB{plain(text)}\\fR"


def inline(text):
    """Markdown within a line: code and strong words become bold, of links the words stay."""
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text.replace("\\|", "|"))
    parts = re.split(r"(`[^`]+`|\*\*[^*]+\*\*|(?<!\w)\*[^*\s]+\*(?!\w))", text)
    out = ""
    for part in parts:
        if part.startswith("`"):
            out += bold(part[1:-1])
        elif part.startswith("**"):
            out += f"\\fB{inline(part[2:-2])}\\fR"
        elif part.startswith("*") and len(part) > 2:
            out += f"\\fI{plain(part[1:-1])}\\fR"
        else:
            out += plain(part).removeprefix("\\&") if out else plain(part)
    return out


def entry(tag, *lines):
    """A tagged paragraph; both are roff already."""
    return [".TP", tag, *(lines or ["\\&"])]


def cells(line):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip()[1:-1])]


def table(lines):
    """The first column are tags. Under a head `default` the second one is told as such."""
    head, out = cells(lines[0]), []
    for line in lines[2:]:
        tag, *rest = cells(line)
        if head[1] == "default" and rest[0]:
            rest[0] = f"Default: {rest[0]}"
        out += entry(inline(tag), *"\n.br\n".join(inline(one) for one in rest if one).splitlines())
    return out


def text_of(markdown, top=2):
    """Headings of level `top` become sections."""
    out, lines, at = [], markdown.splitlines(), 0

    def take(belongs):
        nonlocal at
        begin = at
        while at < len(lines) and belongs(lines[at]):
            at += 1
        return lines[begin:at]

    while at < len(lines):
        line = lines[at]
        heading = re.match(r"(#+) (.*)", line)
        if heading:
            at += 1
            out.append(".SH " + plain(heading[2].upper()) if len(heading[1]) <= top else ".SS " + inline(heading[2]))
        elif line.startswith("```"):
            at += 1
            out += [".PP", ".nf", ".RS 4", *map(plain, take(lambda one: not one.startswith("```"))), ".RE", ".fi"]
            at += 1
        elif line.startswith("|"):
            out += table(take(lambda one: one.startswith("|")))
        elif line.startswith("- "):
            at += 1
            out += [".IP \\(bu 2", inline(" ".join([line[2:], *(one.strip() for one in take(lambda one: one.startswith("  ")))]))]
        elif line.strip():
            words = take(lambda one: one.strip() and not one.startswith(("|", "- ", "#", "```")))
            out += [".PP", inline(" ".join(one.strip() for one in words))]
        else:
            at += 1
    # A section that begins with a paragraph needs no request for one.
    return [one for number, one in enumerate(out)
            if not (one == ".PP" and (number == 0 or out[number - 1].startswith((".SH", ".SS")))
                    and out[number + 1] != ".nf")]


def section(markdown, title):
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", markdown, re.S | re.M)
    if not found:
        raise SystemExit(f"no section {title!r} in the documentation")
    return found[1].strip()
