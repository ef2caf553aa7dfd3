"""Completions in the shells themselves: verbs, options and values from the program, channels, topics and slots from the
service."""
import os
import pty
import select
import shutil
import subprocess
import time

import pytest

CHANNELS = ["IOC:TEMP1", "IOC:TEMP2", "IOC:a{b}$x", "other"]


class Shells:
    """What each shell offers for a line whose end is completed."""

    def __init__(self, site):
        self.service = site.supervisor(settings={"workers": {"count": 2}})
        self.topic = f"t{site.number}-out"
        for channel in CHANNELS:
            self.service.monitor(channel, self.topic)
        self.service.wait(lambda s: s["channels"]["total"] == len(CHANNELS), what="the entries")
        self.folder = site.folder("completions")
        for shell in ("bash", "zsh", "fish"):
            done = self.service.ctl("completions", shell)
            assert done.returncode == 0 and not done.stderr, done.stderr
            (self.folder / shell).write_text(done.stdout)

    def offers(self, shell, line):
        if shutil.which(shell) is None:
            pytest.skip(f"no {shell} is here: packaging/build --with tests")
        done = subprocess.run([*getattr(self, shell)(line)], capture_output=True, text=True, timeout=20, check=False,
                              cwd=self.folder, stdin=subprocess.DEVNULL,
                              env={**self.service.client_environment(), "LINE": line, "TERM": "dumb"})
        assert done.returncode == 0 and not done.stderr, done.stderr
        return sorted(word.split("\t")[0] for word in done.stdout.splitlines() if word)

    def bash(self, _):
        return ["bash", "--norc", "-c", r"""source ./bash; COMP_LINE=$LINE; COMP_POINT=${#LINE}
            COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
            _epics2kafkactl; printf '%s\n' "${COMPREPLY[@]}"; exit 0"""]

    def fish(self, _):
        return ["fish", "--no-config", "-c", "source ./fish; complete -C $LINE"]

    def zsh(self, _):
        # Outside of the line editor: what the function would hand to it.
        return ["zsh", "-f", "-c", r"""compdef() { }; compset() { PREFIX=${PREFIX#*=} }
            compadd() { shift; print -rl -- "$@" | grep -F -- "$PREFIX" }
            _describe() { print -rl -- "${(@P)2}" | sed 's/:/\t/' | grep "^$PREFIX" }
            _files() { print -rl -- $PREFIX*(N) }
            source ./zsh; words=("${(@s: :)LINE}"); CURRENT=$#words; PREFIX=$words[-1]
            _epics2kafkactl; exit 0"""]


@pytest.fixture(scope="module")
def shells(module_site):
    return Shells(module_site)


@pytest.fixture(params=["bash", "zsh", "fish"])
def offers(shells, request):
    return lambda line: shells.offers(request.param, line)


def test_verbs_begin_a_line_and_hidden_ones_do_not(offers):
    assert offers("epics2kafkactl sta") == ["status"]
    assert offers("epics2kafkactl --timeout 5 comp") == ["compare", "completions"]


def test_options_of_the_verb_and_of_the_program_are_known(offers):
    assert offers("epics2kafkactl restart --") and set(offers("epics2kafkactl restart --")) >= {"--all", "--failed",
                                                                                               "--rolling", "--json"}
    assert offers("epics2kafkactl channels --sta") == ["--state"]
    assert offers("epics2kafkactl status --outk") == []


def test_states_and_forms_are_words(offers):
    assert offers("epics2kafkactl channels --state NEVER") == ["NEVER_CONNECTED"]
    assert offers("epics2kafkactl set --form p") == ["plain"]


def test_slots_and_topics_come_from_the_service(offers, shells):
    assert offers("epics2kafkactl restart ") == ["0", "1"]
    assert offers("epics2kafkactl channels --worker ") == ["0", "1"]
    assert offers("epics2kafkactl set -c x --topic t") == [shells.topic]


def test_channels_come_from_the_service_that_the_line_names(offers, shells):
    assert offers("epics2kafkactl channel ot") == ["other"]
    assert offers("epics2kafkactl unset --channel ot") == ["other"]
    assert offers(f"epics2kafkactl --socket {shells.service.socket} channel ot") == ["other"]
    assert offers("epics2kafkactl --socket /nowhere/control.sock channel ot") == []
    assert offers("epics2kafkactl retry other ") == []


def test_files_are_files(offers):
    assert offers("epics2kafkactl check ba") == ["bash"]


def test_bash_offers_what_stands_behind_a_colon_and_quotes(shells):
    assert shells.offers("bash", "epics2kafkactl channel IOC:T") == ["TEMP1", "TEMP2"]
    assert shells.offers("bash", "epics2kafkactl channel IOC:a") == [r"a\{b\}\$x"]
    assert shells.offers("bash", "epics2kafkactl unset --channel=IOC:TEMP1") == ["TEMP1"]
    assert len(shells.offers("bash", "epics2kafkactl channel ")) == 4


def test_zsh_and_fish_offer_whole_names(shells):
    for shell in ("zsh", "fish"):
        assert shells.offers(shell, "epics2kafkactl channel IOC:T") == ["IOC:TEMP1", "IOC:TEMP2"]


def typed(shells, shell, start, keys, wanted):
    """An interactive shell on a terminal: what it shows for these keys."""
    if shutil.which(shell[0]) is None:
        pytest.skip(f"no {shell[0]} is here")
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(shells.folder)
        os.execvpe(shell[0], shell, {**shells.service.client_environment(), "TERM": "dumb", "PS1": "> "})
    shown = b""
    deadline = time.monotonic() + 20
    try:
        os.write(terminal, start.encode() + b"\n")
        sent = False
        while time.monotonic() < deadline and wanted not in shown:
            if select.select([terminal], [], [], 0.1)[0]:
                shown += os.read(terminal, 4096).replace(b"\x07", b"")
            if not sent and b"READY" in shown.replace(b"echo READY", b"").replace(b"READ''Y", b""):
                os.write(terminal, keys.encode())
                sent = True
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(terminal)
    assert wanted in shown, shown


def test_a_tab_completes_a_channel_in_bash_and_zsh(shells):
    typed(shells, ["bash", "--norc", "-i"], "source ./bash; echo READ''Y", "epics2kafkactl channel IOC:TE\t1", b"IOC:TEMP1")
    typed(shells, ["zsh", "-f", "-i"], "autoload -U compinit; compinit -u -D; source ./zsh; echo READ''Y",
          "epics2kafkactl channel IOC:TE\t1", b"IOC:TEMP1")


def test_another_shell_is_wrong_use(shells):
    assert shells.service.ctl("completions", "csh").returncode == 2
