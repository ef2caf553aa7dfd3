// Pure. Whether who listens at an address closes each connection at Kafka's first question: that is how a
// listener with TLS meets plain text, and librdkafka reports no error of it.
//
// It goes by the states of the connections. One closing tells nothing: a broker that is killed closes, too.
// They count while they repeat, at once each; refused connections in succession or a wait end it, and once
// anybody answered nothing counts any more: it is Kafka in plain text, and who closes is about to end.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace e2k::kafka {

class Closings {
public:
  static constexpr int64_t kAtOnceNs = 900'000'000;  // below every time-out of librdkafka's
  static constexpr int kEnough = 3;
  static constexpr int64_t kLongEnoughNs = 2'000'000'000;

  // What is asked takes no longer than this to time out.
  void know_time_out(int64_t ns);
  // A connection to `address` is in another state now, by librdkafka's names of states and protocols.
  void take(const std::string& address, std::string_view protocol, std::string_view state, int64_t now_ns);
  // In words like librdkafka's of such a closing; "" where none do.
  std::string words() const;

private:
  struct Line {
    int64_t asked_ns = -1;  // while the first question waits
    int64_t first_ns = 0;
    int64_t last_ns = 0;
    int closed = 0;
    int refused = 0;  // in succession
  };
  static bool is_told(const Line& line);

  int64_t at_once_ns_ = kAtOnceNs;
  bool has_answered_ = false;          // somebody, some time
  std::map<std::string, Line> lines_;  // by address
};

}  // namespace e2k::kafka
