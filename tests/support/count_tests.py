"""count_tests.py JUNIT.xml: prints `PASSED FAILED SKIPPED` for a report of ctest or pytest.

A GoogleTest program, or a run of pytest, is one case for ctest; its own totals are taken where it printed them.
"""
import re
import sys
import xml.etree.ElementTree as xml


def count(case):
    output = case.findtext("system-out") or ""
    passed = re.findall(r"\[  PASSED  \] (\d+) test", output)
    failed = re.findall(r"^\[  FAILED  \] (\d+) test", output, re.M)
    for bad, ok in re.findall(r"^(?:(\d+) failed)?(?:, )?(?:(\d+) passed)?.* in [\d.]+s\b", output, re.M):
        passed, failed = [*passed, ok or 0], [*failed, bad or 0]
    wrong = case.find("failure") is not None or case.find("error") is not None
    if case.find("skipped") is not None and not wrong:
        return 0, 0, 1
    if passed or failed:
        ok, bad = sum(map(int, passed)), sum(map(int, failed))
        return ok, max(bad, 1) if wrong else bad, 0
    return (0, 1, 0) if wrong else (1, 0, 0)


def main():
    totals = [count(case) for case in xml.parse(sys.argv[1]).iter("testcase")]
    print(*(sum(column) for column in zip((0, 0, 0), *totals)))


main()
