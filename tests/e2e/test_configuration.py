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


AVRO = '[value]\nconverter = "avro"\n[value.options]\n"schema.registry.url" = "http://127.0.0.1:9"\n'


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
    ("[value]\nconverter = \"avro\"\n", ["schema.registry.url"]),
    (AVRO + "\"auto.register.schema\" = false\n", ["line 5", "auto.register.schema", "auto.register.schemas"]),
    (AVRO + "\"auto.register.schemas\" = \"perhaps\"\n", ["line 5", "auto.register.schemas", "true"]),
    (AVRO + "\"schemas.enable\" = true\n", ["line 5", "schemas.enable", "avro"]),
    (AVRO + "\"key.subject.name.strategy\" = \"TopicNameStrategy\"\n", ["line 5", "key.subject.name.strategy"]),
    ("[value.options]\n\"schema.registry.url\" = \"http://127.0.0.1:9\"\n", ["line 2", "schema.registry.url", "json"]),
    ("[value]\nconverter = \"json-schema-envelope\"\noptions = {\"schemas.enable\" = false}\n",
     ["line 3", "schemas.enable"]),
    ("[value]\nconverter = \"string\"\noptions = {\"connect.meta.data\" = false}\n", ["line 3", "connect.meta.data"]),
    ("[key]\nconverter = \"protobuff\"\n", ["line 2", "key.converter", "protobuf"]),
    ("[value]\nschema = \"EPICS_CA_DBR-1.4\"\n", ["line 2", "value.schema", "EPICS_CA_DBR-1.5"]),
    ("[value]\nconverter = \"plugin:here.so\"\n", ["line 2", "absolute"]),
], ids=lambda value: value.splitlines()[-1] if isinstance(value, str) else "")
def test_a_mistake_is_named(stopped, text, words):
    stopped.config.write_text(text)
    done = stopped.check()
    assert done.returncode == 78
    assert str(stopped.config) in done.stderr or stopped.config.name in done.stderr
    missing = [word for word in words
               if word not in done.stderr and word.replace("line ", ":") not in done.stderr]
    assert not missing, done.stderr


def test_a_start_with_a_mistake_in_a_converters_options_ends_with_78(stopped):
    stopped.config.write_text(AVRO + '"basic.auth.user.inf" = "somebody:hunter2"\n')
    stopped.start()
    assert stopped.child.wait(20) == 78
    said = stopped.child.text()
    assert f"{stopped.config}:5" in said and "value.options.basic.auth.user.inf" in said, said
    assert "hunter2" not in said


def test_credentials_of_a_registry_are_not_printed(stopped):
    stopped.config.write_text(AVRO.replace("http://", "http://url-user:url-pass@") +
                              '"bearer.auth.credentials.source" = "STATIC_TOKEN"\n'
                              '"bearer.auth.token" = "hunter2-token"\n')
    said = stopped.check()
    assert "hunter2" not in said.stdout + said.stderr and "url-pass" not in said.stdout + said.stderr
    stopped.config.write_text(AVRO + '"basic.auth.credentials.source" = "USER_INFO"\n'
                              '"basic.auth.user.info" = "somebody:hunter2"\n')
    done = stopped.check()
    assert done.returncode == 0 and "***" in done.stdout, done.stderr
    assert "hunter2" not in done.stdout + done.stderr


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
