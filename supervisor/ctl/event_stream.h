// Pure. Server-sent events, taken out of what comes: pieces of any size.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace e2k::supervisor::ctl {

struct SentEvent {
  std::string kind;  // its `event`; "message" where it has none
  std::string data;
};

class EventStream {
public:
  static constexpr size_t kMaxLineBytes = 16 * 1024 * 1024;

  // The events that are whole by now.
  std::vector<SentEvent> take(std::string_view bytes);
  // Of the last event that had one; "".
  const std::string& last_id() const { return last_id_; }
  // What was begun comes to no end any more: the connection is another one.
  void begin_anew();

private:
  void take_line(std::string_view line, std::vector<SentEvent>& events);

  std::string rest_;  // of a line
  SentEvent event_;
  std::string id_, last_id_;
};

}  // namespace e2k::supervisor::ctl
