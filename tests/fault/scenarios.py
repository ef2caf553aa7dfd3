"""All directed scenarios by name: functions (broker, prefix, say) that return findings.

Each builds a stand of its own on the one broker, and leaves the broker well.
"""
import life_scenarios
import spool_scenarios
import topic_scenarios

ALL = {scenario.__name__: scenario for module in (topic_scenarios, life_scenarios, spool_scenarios)
       for scenario in module.SCENARIOS}
# What fits into the part of tests/run.
QUICK = ("fewer_partitions", "killed_in_outage", "spool_removed")
