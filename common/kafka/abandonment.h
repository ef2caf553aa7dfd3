// Pure. Whether a handle of librdkafka has given up: it is wanted, no connection is open, and none has been
// tried for longer than it waits between two tries.
//
// That is what 2.10 and later do for ever when they are told once, in a good answer, that the cluster has no
// brokers, as one answers that comes out of a pause: they forget all addresses, those of bootstrap.servers,
// too. Only another handle helps.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

namespace e2k::kafka {

class Abandonment {
public:
  static constexpr int64_t kLeastNs = 15'000'000'000;

  // That long a try may take, or the wait before the next one.
  void know_wait(int64_t ns) { after_ns_ = std::max(after_ns_, ns); }
  void change(const std::string& broker, bool is_connected, int64_t now_ns) {
    connected_[broker] = is_connected;
    changed_ns_ = now_ns;
  }
  bool is_connected() const {
    return std::any_of(connected_.begin(), connected_.end(), [](const auto& one) { return one.second; });
  }
  // An idle handle rightly tries nothing: it counts from when it was first asked for as wanted.
  bool is_so(bool wanted, int64_t now_ns) {
    if (!wanted || is_connected()) {
      wanted_since_ns_ = -1;
      return false;
    }
    if (wanted_since_ns_ < 0) wanted_since_ns_ = now_ns;
    return now_ns - std::max(wanted_since_ns_, changed_ns_) >= after_ns_;
  }

private:
  std::map<std::string, bool> connected_;
  int64_t after_ns_ = kLeastNs;
  int64_t changed_ns_ = 0;
  int64_t wanted_since_ns_ = -1;
};

}  // namespace e2k::kafka
