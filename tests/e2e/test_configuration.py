"""--check: what is right is printed, what is wrong is named with file, line, key and remedy; nothing starts."""
import pytest


@pytest.fixture
def stopped(site):
    return site.supervisor(start=False, ready=False)


def test_a_good_file_is_printed_without_secrets(stopped):
    stopped.settings["kafka"]["sasl.password"] = {"env": "E2K_PASSWORD"}
    stopped.settings["kafka"]["sasl.username"] = "somebody"
    stopped.environment["E2K_PASSWORD"] = "hunter2"
    text = stopped.config.read_text()
    stopped.config.write_text(text.replace("[\"workers\"]", "[\"kafka\".\"sasl.password\"]\nenv = \"E2K_PASSWORD\"\n\n"
                                           "[\"workers\"]"))
    done = stopped.check()
    assert done.returncode == 0, done.stderr
    assert "***" in done.stdout and "hunter2" not in done.stdout + done.stderr
    assert stopped.bootstrap in done.stdout


@pytest.mark.parametrize("text, words", [
    ("[workers]\ncuont = 4\n", ["line 2", "cuont", "count"]),
    ("[workers]\ncount = \"four\"\n", ["line 2", "workers.count"]),
    ("[workers]\ncount = 0\n", ["line 2", "workers.count"]),
    ("[kafka]\n\"acks\" = \"1\"\n", ["acks"]),
    ("[kafka]\n\"enable.idempotence\" = false\n", ["enable.idempotence"]),
    ("[kafka]\n\"group.id\" = \"x\"\n", ["group.id"]),
    ("[kafka]\n\"bootstrap.serverz\" = \"x\"\n", ["bootstrap.serverz"]),
    ("[kafka]\n\"sasl.jaas.config\" = \"x\"\n", ["sasl.jaas.config", "sasl.username"]),
    ("[value]\nconverter = \"xml\"\n", ["line 2", "xml", "json"]),
    ("[output]\nallow = [\"(\"]\n", ["allow"]),
    ("[spool]\nwhen_full = \"explode\"\n", ["when_full", "drop_oldest"]),
    ("no toml at all\n", ["line 1"]),
], ids=lambda value: value.splitlines()[-1] if isinstance(value, str) else "")
def test_a_mistake_is_named(stopped, text, words):
    stopped.config.write_text(text)
    done = stopped.check()
    assert done.returncode == 78
    assert str(stopped.config) in done.stderr or stopped.config.name in done.stderr
    missing = [word for word in words
               if word not in done.stderr and word.replace("line ", ":") not in done.stderr]
    assert not missing, done.stderr


def test_set_wins_over_the_file_but_takes_no_secret(stopped):
    done = stopped.check("--set", "workers.count=7")
    assert done.returncode == 0 and "7" in done.stdout
    assert stopped.check("--set", "workers.count=many").returncode != 0
    assert stopped.check("--set", "kafka.sasl.password=x").returncode != 0


def test_a_missing_file_and_a_bad_flag_are_told_apart(stopped):
    stopped.config.unlink()
    assert stopped.check().returncode == 78
    assert stopped.check("--no-such-flag").returncode == 64


def test_a_worker_started_by_hand_explains_itself(stopped):
    import subprocess
    done = subprocess.run([stopped.program("epics2kafka-worker")], capture_output=True, text=True, timeout=10,
                          stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 64 and "epics2kafka-supervisor" in done.stderr
