"""All directed scenarios by name: functions (broker, prefix, say, …) that return findings.

Each builds a stand of its own on the one broker, and leaves the broker well.
"""
import disk_scenarios
import flood_scenarios
import full_scenarios
import life_scenarios
import move_scenarios
import spool_scenarios
import topic_scenarios

DIRECTED = {scenario.__name__: scenario for module in (topic_scenarios, life_scenarios, spool_scenarios, disk_scenarios)
            for scenario in module.SCENARIOS}
# Those that only --only starts, and whose size the command line may change.
FULL = {scenario.__name__: scenario for module in (full_scenarios, flood_scenarios, move_scenarios) for scenario in module.SCENARIOS}
ALL = {**DIRECTED, **FULL}
# What fits into the part of tests/run.
QUICK = ("fewer_partitions", "killed_in_outage", "spool_removed")
