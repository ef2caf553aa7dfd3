"""The documentation names what the programs have, all of it and nothing else."""
import fnmatch
import re

import pages
import programs

TABLES = {'kafka."…"': {"kafka", "kafka.producer", "kafka.consumer"}, 'value.options."…"': {"value.options"},
          'key.options."…"': {"key.options"}}
# Names that are EPICS's.
OTHERS = re.compile("EPICS_.*|DBR_.*")


def documented_keys():
    keys = [key for row in pages.rows(pages.section("configuration.md", "Every key")) for key in pages.code_in(row[0])]
    assert len(keys) == len(set(keys)), "a key is documented twice"
    return {one for key in keys for one in TABLES.get(key, {key})}


def test_every_configuration_key_is_documented_and_no_other():
    assert documented_keys() == programs.keys()


def test_documented_defaults_are_in_effect():
    in_effect = programs.defaults()
    wrong = {}
    for row in pages.rows(pages.section("configuration.md", "Every key")):
        default = re.fullmatch(r"`([^`<$]*)`", row[1])
        for key in pages.code_in(row[0]):
            if default and key in in_effect:
                value = in_effect[key]
                text = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else \
                    str(value).replace("'", '"')
                if text != default[1]:
                    wrong[key] = f"documented {default[1]}, in effect {text}"
    assert not wrong


def test_every_option_of_a_converter_is_documented_and_no_other():
    documented = {option for row in pages.rows(pages.section("configuration.md", "Converters")) for cell in row
                  for option in pages.code_in(cell) if re.fullmatch(r"[a-z]+(\.[a-z*]+)+", option)}
    has = programs.options()
    undocumented = {one for one in has if not any(fnmatch.fnmatchcase(one, said) for said in documented)}
    unknown = {said for said in documented if not fnmatch.filter(has, said)}
    assert (undocumented, unknown) == (set(), set())


def test_every_reason_has_a_section_with_meaning_first_command_and_remedy():
    codes = pages.titles("reasons.md", 3)
    assert len(codes) == len(set(codes)), "a reason is documented twice"
    assert set(codes) == set(programs.reasons())
    for code in codes:
        text = pages.section("reasons.md", code, 3)
        first = re.search(r"^First: `([^`]*)`", text, re.M)
        assert re.search(r"^Remedy: ", text, re.M) and first, code
        assert first[1] == programs.reasons()[code], f"{code}: /status names another command"
        assert not text.startswith(("Remedy", "First")) and text.strip(), f"{code} has no meaning"


def test_each_fault_has_a_page_with_all_that_an_operator_needs():
    parts = ("You see", "It means", "First", "Remedy", "Events meanwhile")
    for path in (pages.FOLDER / "operations").glob("*.md"):
        text = path.read_text()
        if path.name == "README.md":
            continue
        assert re.findall(r"^\*\*([^*]+)\*\*: \S", text, re.M) == list(parts), path.name
        told = re.search(r"^Told (?:as \[([A-Z_]+)\]\(\.\./reasons\.md#[a-z_]+\)|in the log)\.$", text, re.M)
        assert told, path.name
        if told[1]:
            first = " ".join(re.search(r"^\*\*First\*\*: `([^`]*)`", text, re.M)[1].split())
            assert first == programs.reasons()[told[1]], f"{path.name}: /status names another command"
            assert f"operations/{path.name}" in pages.section("reasons.md", told[1], 3), f"{told[1]} does not lead to {path.name}"


def test_no_name_in_capitals_is_given_without_being_documented():
    states = {row[0] for row in pages.rows(pages.section("operations.md", "States of an entry"))}
    known = set(pages.titles("reasons.md", 3)) | states
    assert {name for name in programs.capitals() if not OTHERS.fullmatch(name)} - known == set()


def test_every_metric_is_documented_with_its_type_and_no_other():
    documented = {pages.code_in(row[0])[0].split("{")[0]: row[1] for row in pages.rows(pages.text_of("metrics.md"))}
    assert documented == programs.metrics()


def test_every_verb_of_the_client_is_documented_and_no_other():
    documented = [pages.code_in(row[0])[0].split()[0] for row in pages.rows(pages.section("client.md", "Verbs"))]
    assert len(documented) == len(set(documented)), "a verb is documented twice"
    assert set(documented) == programs.verbs()


def test_every_exit_code_is_documented_and_no_other():
    documented = {}
    for row in pages.rows(pages.section("client.md", "Exit codes")):
        documented.setdefault(pages.code_in(row[0])[0], set()).add(int(row[1]))
    assert documented == programs.exit_codes()
