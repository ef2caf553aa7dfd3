#include "common/kafka/closings.h"

#include <algorithm>

namespace e2k::kafka {
namespace {

// A name stands for several machines, or for IPv4 and IPv6, of which one may refuse.
constexpr int kRefusedIsDown = 2;

bool is_before_the_question(std::string_view state) {
  return state == "INIT" || state == "TRY_CONNECT" || state == "CONNECT" || state == "SSL_HANDSHAKE";
}

}  // namespace

void Closings::know_time_out(int64_t ns) {
  at_once_ns_ = std::min(at_once_ns_, ns - ns / 10);
}

void Closings::take(const std::string& address, std::string_view protocol, std::string_view state,
                    int64_t now_ns) {
  // Who shook hands speaks TLS.
  if (has_answered_ || protocol.find("ssl") != std::string_view::npos || is_before_the_question(state))
    return;
  Line& line = lines_[address];
  if (state == "APIVERSION_QUERY") {
    line.asked_ns = now_ns;
    return;
  }
  if (state != "DOWN") {
    has_answered_ = true;
    lines_.clear();
    return;
  }
  const bool was_asked = line.asked_ns >= 0;
  const bool at_once = was_asked && now_ns - line.asked_ns < at_once_ns_;
  line.asked_ns = -1;
  if (at_once) {
    if (line.closed++ == 0) line.first_ns = now_ns;
    line.last_ns = now_ns;
    line.refused = 0;
  } else if (was_asked || ++line.refused >= kRefusedIsDown) {
    line = {};
  }
}

bool Closings::is_told(const Line& line) {
  return line.closed >= kEnough && line.last_ns - line.first_ns >= kLongEnoughNs;
}

std::string Closings::words() const {
  const auto found =
      std::find_if(lines_.begin(), lines_.end(), [](const auto& one) { return is_told(one.second); });
  if (found == lines_.end()) return "";
  return found->first +
         ": Disconnected: connection closed by peer, time and again (in state APIVERSION_QUERY)";
}

}  // namespace e2k::kafka
