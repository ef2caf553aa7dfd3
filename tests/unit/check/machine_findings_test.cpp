#include "supervisor/check/machine_findings.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace e2k::supervisor::check {
namespace {

constexpr uint64_t kGiB = 1024ull * 1024 * 1024;

struct MachineFindings : testing::Test {
  MachineFacts facts;
  MachineFindings() {
    facts.user = "epics2kafka";
    facts.directories = {{"state.directory", "/var/lib/e", 0, false, kGiB, 0}};
    facts.limits = {{"the supervisor", 65536, 40}};
    facts.available_memory_bytes = kGiB;
    facts.addresses = {{"EPICS_CA_ADDR_LIST", "10.0.0.255", ""}};
    facts.repeater_port = 5065;
    facts.repeater_runs = true;
    facts.worst_clock = {"10.0.0.1:5064", -2};
  }
  // The finding that begins so.
  Finding the(const std::string& beginning) const {
    for (const Finding& finding : machine_findings(facts))
      if (finding.text.starts_with(beginning)) return finding;
    ADD_FAILURE() << "nothing begins with " << beginning;
    return {};
  }
  void expect(const std::string& beginning, Level level, const std::string& remedy) const {
    const Finding finding = the(beginning);
    EXPECT_EQ(finding.level, level) << finding.text;
    EXPECT_NE(finding.text.find(remedy), std::string::npos) << finding.text;
  }
};

TEST_F(MachineFindings, a_sound_machine_has_nothing_but_ok) {
  for (const Finding& finding : machine_findings(facts)) EXPECT_EQ(finding.level, Level::ok) << finding.text;
  expect("directory /var/lib/e (state.directory)", Level::ok, "1.0 GiB of room");
  expect("clocks of the IOCs", Level::ok, "within 60 s");
}

TEST_F(MachineFindings, a_directory_that_may_not_be_used_or_has_no_room_is_broken) {
  facts.directories[0].error = EACCES;
  expect("directory", Level::mistaken, "chown epics2kafka /var/lib/e");
  facts.directories[0] = {"spool.directory", "/spool", 0, false, kGiB, 2 * kGiB};
  expect("directory", Level::mistaken, "0 B of room above spool.keep_free_bytes (2.0 GiB); free its disk");
  facts.directories[0].is_absent = true;
  expect("directory", Level::warning, "the start makes it");
}

TEST_F(MachineFindings, few_descriptors_are_told_with_where_to_raise_them) {
  facts.limits[0].descriptors = 64;
  expect("descriptors of the supervisor", Level::mistaken, "LimitNOFILE=");
  facts.limits[0].descriptors = 512;
  expect("descriptors of the supervisor", Level::warning, "LimitNOFILE=");
  facts.limits[0] = {"worker 3", 2000, 1900};
  expect("descriptors of worker 3: at most 2000, 1900 in use", Level::warning, "LimitNOFILE=");
  facts.limits[0].descriptors = UINT64_MAX;
  expect("descriptors of worker 3: no limit", Level::ok, "");
}

TEST_F(MachineFindings, addresses_that_are_none_or_that_there_are_none_of_are_broken) {
  facts.addresses.push_back({"EPICS_CA_ADDR_LIST", "no.such.ioc", "Name or service not known"});
  expect("EPICS_CA_ADDR_LIST", Level::mistaken,
         "no.such.ioc has no address: Name or service not known; correct it");
  expect("EPICS addresses", Level::ok, "1 of 2");
  facts.addresses.clear();
  expect("EPICS addresses", Level::ok, "this machine's networks");
  facts.auto_addr_list = false;
  expect("EPICS addresses", Level::mistaken, "set epics.addr_list");
}

TEST_F(MachineFindings, clocks_memory_and_repeater_are_warnings) {
  facts.worst_clock->skew_s = -3600;
  expect("clocks of the IOCs", Level::warning,
         "that of 10.0.0.1:5064 is 60 minutes ahead of this machine's; set");
  facts.clock_error_s = 0.25;
  expect("clock:", Level::ok, "wrong by 0.250 s at most");
  facts.clock_error_s = 2.5;
  expect("clock:", Level::warning, "may be wrong by 2.5 s");
  facts.clock_is_synchronised = false;
  expect("clock:", Level::warning, "chronyd");
  facts.available_memory_bytes = 1024 * 1024;
  expect("memory", Level::warning, "workers.count");
  facts.repeater_runs = false;
  expect("caRepeater (UDP port 5065)", Level::warning, "a service starts one");
}

}  // namespace
}  // namespace e2k::supervisor::check
