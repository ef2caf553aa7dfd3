// Shell. The verbs that list: channels, topics, hosts.
//
// channels and topics come in pages, none of which is kept; only a list that is sorted is gathered, up to its
// limit.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "supervisor/ctl/queries.h"

namespace e2k::supervisor::ctl {

struct ChannelsFilter {
  std::vector<std::string> states;  // each may hold commas
  std::string prefix, topic, host;
  std::optional<unsigned> worker;
  std::optional<double> older_than_s;
  bool lost = false;
  std::string sort;             // a column; "": by name
  std::optional<size_t> limit;  // rows; sorted ones: 1000
};

// What was left out is told on `err`.
Exit show_channels(const Client& client, const ChannelsFilter& filter, const Output& output);
Exit show_hosts(const Client& client, const Output& output);

// Rates need two looks: the first one waits a second between them, later ones take those of the one before.
class TopicsVerb {
public:
  Exit show(const Client& client, const Output& output);

private:
  using Clock = std::chrono::steady_clock;
  struct Sums {
    double received = 0, acknowledged = 0;
  };
  using Look = std::map<std::string, Sums>;

  std::optional<std::pair<Clock::time_point, Look>> before_;
};

}  // namespace e2k::supervisor::ctl
