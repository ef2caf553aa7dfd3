"""The units without a systemd that runs: what the release's own systemd-analyze says of them, and that both say the same."""
import difflib
import re

from e2k_support import root_dir

UNITS = root_dir() / "systemd"
LIMIT = 1.5


def folder_of_units(root):
    for folder in ("/usr/lib/systemd/system", "/lib/systemd/system"):
        if root.path(folder + "/epics2kafka.service").exists():
            return folder
    raise AssertionError("no unit is installed")


def test_systemd_analyze_verify_has_nothing_to_say(standing):
    folder = folder_of_units(standing)
    # It exits with 0 where a directive is misspelt, and says so: nothing may be said.
    done = standing.run("systemd-analyze", "verify", "--man=no", f"{folder}/epics2kafka.service",
                         f"{folder}/epics2kafka@west.service", check=False)
    assert done.stdout + done.stderr == "" and done.returncode == 0


def test_their_exposure_is_small(standing):
    folder = folder_of_units(standing)
    for unit in ("epics2kafka.service", "epics2kafka@.service"):
        done = standing.run("systemd-analyze", "security", "--offline=true", "--no-pager", f"{folder}/{unit}", check=False)
        exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
        assert exposure and float(exposure[1]) <= LIMIT, done.stdout + done.stderr


def test_the_unit_and_the_template_say_the_same_but_for_names():
    def plain(name):
        lines = [line for line in (UNITS / name).read_text().splitlines() if not line.startswith("#")]
        lines = [line for line in lines if not re.match("EnvironmentFile=.*%i$", line)]
        return [re.sub(r" \(%i\)| --instance %i|[/-]%i$", "", line) for line in lines]
    difference = list(difflib.unified_diff(plain("epics2kafka.service"), plain("epics2kafka@.service"), lineterm="", n=0))
    assert not difference, "\n".join(difference)


def test_users_and_presets_are_declared(installed):
    assert installed.run("getent", "passwd", "epics2kafka").stdout.split(":")[5:] == ["/var/lib/epics2kafka", "/usr/sbin/nologin\n"]
    installed.run("systemctl", "preset", "epics2kafka.service", "epics2kafka@west.service")
    for unit in ("epics2kafka.service", "epics2kafka@west.service"):
        assert installed.run("systemctl", "is-enabled", unit, check=False).stdout.strip() == "disabled"
