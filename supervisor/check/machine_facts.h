// Pure. What was seen of this machine, before anybody judges it: directories, limits, addresses, clock.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace e2k::supervisor::check {

struct DirectoryFacts {
  std::string setting;  // "state.directory", …
  std::string path;
  int error = 0;  // errno of looking at it, or of trying whether it can be written to; 0: it can
  bool is_absent = false;
  uint64_t free_bytes = 0;
  uint64_t keep_free_bytes = 0;  // of the spool: it takes nothing below that; else 0
};

// Of the running supervisor or one of its workers; without one, those of this process.
struct LimitFacts {
  std::string process;                       // "the supervisor", "worker 3", "this shell"
  uint64_t descriptors = 0;                  // RLIMIT_NOFILE, soft; UINT64_MAX: none
  std::optional<uint64_t> used_descriptors;  // nothing: can't be seen
};

struct AddressFacts {
  std::string setting;  // EPICS_CA_ADDR_LIST, EPICS_CA_NAME_SERVERS
  std::string text;
  std::string error;  // why it is no address; "" where it is one
};

struct HostClock {
  std::string host;
  double skew_s = 0;  // how far it is behind
};

struct MachineFacts {
  std::string user;  // whose rights were tried
  std::vector<DirectoryFacts> directories;
  std::vector<LimitFacts> limits;
  uint64_t available_memory_bytes = 0;  // 0: not known
  std::vector<AddressFacts> addresses;
  bool auto_addr_list = true;
  uint16_t repeater_port = 0;
  bool repeater_runs = false;
  bool clock_is_synchronised = true;
  double clock_error_s = 0;  // the most that the kernel takes it to be wrong by, while it is synchronised
  std::optional<HostClock> worst_clock;  // of the IOCs of a running service
  int64_t max_clock_skew_s = 60;
};

}  // namespace e2k::supervisor::check
