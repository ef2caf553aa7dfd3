#!/usr/bin/env python3
"""make_pages.py BIN DOCS OUT: the manual pages of the programs in BIN and of their configuration.

A page says what `--help` and the Markdown in DOCS say, in the order of manual pages. The same input gives the same bytes.
"""
import pathlib
import re
import subprocess
import sys

from roff import bold, cells, entry, inline, plain, section, table, text_of

PAGES = {"epics2kafkactl": 1, "epics2kafka.toml": 5, "epics2kafka-supervisor": 8, "epics2kafka-worker": 8}


class Maker:
    def __init__(self, programs, docs):
        self.programs = pathlib.Path(programs)
        self.docs = pathlib.Path(docs)
        self.version = self.output("epics2kafkactl", "--version").split()[1]

    def output(self, program, *arguments):
        # Defaults that depend on who calls are not a manual page's.
        return subprocess.run([self.programs / program, *arguments], env={"LC_ALL": "C.UTF-8"}, check=True, timeout=20,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, encoding="utf-8").stdout

    def markdown(self, page):
        return (self.docs / page).read_text(encoding="utf-8")

    def head(self, name, what):
        number = PAGES[name]
        kind = {1: "User Commands", 5: "File Formats", 8: "System Administration"}[number]
        return [f'.TH {name.upper()} {number} "" "epics2kafka {self.version}" "{kind}"', ".nh", ".ad l",
                ".SH NAME", f"{plain(name)} \\- {plain(what)}"]

    def exit_status(self, program):
        lines = section(self.markdown("client.md"), "Exit codes").splitlines()
        codes = [f"| {code} | {meaning} |" for name, code, meaning in (cells(one) for one in lines if one.startswith("| `"))
                 if name == f"`{program}`"]
        return [".SH EXIT STATUS", *table(["| code | meaning |", "|---|---|", *codes])]

    def files(self):
        lines = [one for one in section(self.markdown("operations.md"), "Processes and files").splitlines()
                 if one.startswith("|")]
        kept = [one for one in lines if not one.startswith("| `epics2kafka-")]
        return [".SH FILES", *entry(bold("/etc/epics2kafka/epics2kafka.toml"), "The configuration; "
                                    + bold("/etc/epics2kafka/NAME.toml") + " of an instance."), *table(kept)]

    def see_also(self, name):
        others = [f"{bold(one)}({number})" for one, number in PAGES.items() if one != name]
        return [".SH SEE ALSO", ", ".join(others), ".PP", plain("The documentation that is installed with the package: reasons.md, "
                "operations.md, commands.md, records.md.")]

    def supervisor(self):
        name = "epics2kafka-supervisor"
        what, options, _ = split_help(self.output(name, "--help"))
        return [*self.head(name, "brings EPICS Channel Access monitors into Kafka"), ".SH SYNOPSIS",
                f"{bold(name)} [\\fIOPTIONS\\fR]", ".SH DESCRIPTION", plain(what),
                *(".PP", "It runs in the foreground and logs to stderr."), ".SH OPTIONS", *options,
                ".SH SIGNALS", *entry(bold("SIGTERM") + ", " + bold("SIGINT"), "Drains the workers and ends them."),
                *entry(bold("SIGHUP"), "Has the installed program judge the configuration and take this one's place; workers stay."),
                *self.exit_status(name), *self.files(), *self.see_also(name)]

    def worker(self):
        name = "epics2kafka-worker"
        lines = self.output(name, "--help").splitlines()
        words = [one for one in lines if not one.startswith(" ")]
        example = [one.strip() for one in lines if one.startswith(" ")]
        at = next(number for number, one in enumerate(words) if one.startswith("Options:"))
        return [*self.head(name, "monitors a share of the channels for epics2kafka"), ".SH SYNOPSIS", bold(name),
                ".SH DESCRIPTION", plain(" ".join(words[:at])), ".PP", ".nf", ".RS 4", *map(plain, example), ".RE", ".fi",
                ".SH OPTIONS", plain(words[at].removeprefix("Options: ") + "."), *self.exit_status(name), *self.see_also(name)]

    def client(self):
        name = "epics2kafkactl"
        what, options, verbs = split_help(self.output(name, "--help"))
        out = [*self.head(name, "asks and directs a running epics2kafka supervisor"), ".SH SYNOPSIS",
               f"{bold(name)} [\\fIOPTIONS\\fR] \\fIVERB\\fR [\\fIARGUMENTS\\fR]", ".SH DESCRIPTION", plain(what), ".PP",
               inline("Where the user may not use the control socket, verbs that only ask use the status socket beside it. "
                      "The options may also follow the verb."), ".SH OPTIONS", *options, ".SH VERBS"]
        for verb in verbs:
            what, options, _ = split_help(self.output(name, verb, "--help"))
            out += [f".SS {plain(verb)}", plain(what), *options]
        return [*out, *self.exit_status(name), ".SH ENVIRONMENT",
                *entry(bold("BOOTSTRAP_SERVERS") + ", " + bold("BOOTSTRAP_SERVER"), "The brokers, where no option names them."),
                *entry(bold("MONITOR_CHANNELS"), "What " + bold("import --env") + " reads."),
                *entry(bold("NO_COLOR"), "Where it is set, a terminal is shown no colours."), *self.see_also(name)]

    def configuration(self):
        name = "epics2kafka.toml"
        markdown = re.sub(r"\A# .*\n", "", self.markdown("configuration.md"))
        return [*self.head(name, "configuration of epics2kafka"), ".SH DESCRIPTION", *text_of(markdown), *self.see_also(name)]


def split_help(text):
    """What a program is, its options and arguments as tagged paragraphs, and its verbs."""
    lines = text.splitlines()
    items, verbs, part, alone = [], [], "", False
    for line in lines[1:]:
        if not line.strip() or line.startswith("Usage:"):
            continue
        if re.match(r"\[Option Group|\s*\[Exactly 1", line):
            alone = "Exactly" in line or alone
            continue
        if re.match(r"\s*(Options|Positionals|Subcommands):$", line):
            part = line.strip(" :")
            continue
        # A name and what it is stand two columns apart; a name that is too long has its text on the next line.
        found = re.match(r"\s{1,8}(\S.*?)(?:\s{2,}(.*))?$", line)
        if not found:
            items[-1][1].append(line.strip())
        elif part == "Subcommands":
            verbs.append(found[1].split()[0])
        else:
            items.append([found[1], [found[2]] * bool(found[2]) + ["(exactly one of these)"] * alone])
    out = []
    for names, words in items:
        if names.startswith("-h,"):
            continue
        tag, default = tag_of(names)
        what = " ".join(words + [f"(default {default})"] * bool(default) + ["(required)"] * names.endswith(" REQUIRED"))
        out += entry(tag, plain(what))
    return lines[0].rstrip(".") + ".", out, verbs


def tag_of(names):
    """`-t,--topic TEXT REQUIRED`: names bold, what they take slanted; and the default."""
    default = re.search(r"(?<=[\w\]])=(\S+)", names)
    default = default and default[1]
    names = re.sub(r"ENUM:value in \{(.*?)\} OR \S+", lambda m: "|".join(one.split("->")[0] for one in m[1].split(",")), names)
    names = re.sub(r"TEXT:\{(.*?)\}", lambda m: m[1].replace(",", "|"), names)
    names = re.sub(r"(FLOAT|UINT):FLOAT in \[(\S+) - (\S+)\]", r"\1", names)
    names = re.sub(r":NONNEGATIVE|\bREQUIRED\b|\s*Needs: \S+|(?<=\w)=\S+", "", names).strip()
    first, _, takes = names.partition(" ")
    takes = {"TEXT": "TEXT", "FLOAT": "NUMBER", "UINT": "NUMBER", "TEXT ...": "TEXT"}.get(takes.strip(), takes.strip())
    if not first.startswith("-"):
        return f"\\fI{plain(first)}\\fR", default
    tag = ", ".join(map(bold, first.split(",")))
    return f"{tag} \\fI{plain(takes)}\\fR" if takes else tag, default


def main():
    programs, docs, out = sys.argv[1:]
    maker, folder = Maker(programs, docs), pathlib.Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    for name, made in (("epics2kafkactl", maker.client), ("epics2kafka.toml", maker.configuration),
                       ("epics2kafka-supervisor", maker.supervisor), ("epics2kafka-worker", maker.worker)):
        (folder / f"{name}.{PAGES[name]}").write_text("\n".join(made()) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
