// Pure. What changed between two looks at a service: its state, its reasons, workers, IOCs, topics, channels.
//
// Channels are those that are not connected: what is missing from them is connected, or commanded no more. A
// state that began and ended between two looks is not seen.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace e2k::supervisor::ctl {

struct Transition {
  std::string what;    // "service", "reason BROKERS_DOWN", "worker 1", "IOC 10.0.0.1:5064", …
  std::string before;  // "" where it was not there, or at the first look
  std::string state;   // now
  std::string words;   // why; ""
};

// The supervisor's answers; lists are items.
struct Looked {
  const nlohmann::json& status;
  const nlohmann::json& hosts;
  const nlohmann::json& topics;
  const nlohmann::json& channels;  // that are not connected
};

class Transitions {
public:
  // In the order of cause and effect: service, reasons, workers, IOCs, topics, channels. The first look tells
  // what is.
  std::vector<Transition> take(const Looked& looked);
  // The service does not answer: of all else nothing is known, and it stays as it was.
  std::vector<Transition> unanswered();

private:
  struct Standing {
    std::string state, words;
  };
  using Picture = std::map<std::string, Standing>;
  static constexpr size_t kKinds = 6;
  void compare(size_t kind, Picture now, std::vector<Transition>& changes);

  Picture pictures_[kKinds];
};

std::string line_of(const Transition& transition, int64_t now_unix_ns);
nlohmann::json json_of(const Transition& transition, int64_t now_unix_ns);

}  // namespace e2k::supervisor::ctl
