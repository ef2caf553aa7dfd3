#include "supervisor/ctl/event_stream.h"

#include <utility>

namespace e2k::supervisor::ctl {

std::vector<SentEvent> EventStream::take(std::string_view bytes) {
  std::vector<SentEvent> events;
  rest_ += bytes;
  size_t begin = 0;
  for (size_t end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', begin)) {
    std::string_view line = std::string_view(rest_).substr(begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    take_line(line, events);
    begin = end + 1;
  }
  rest_.erase(0, begin);
  if (rest_.size() > kMaxLineBytes) begin_anew();
  return events;
}

void EventStream::begin_anew() {
  rest_.clear();
  event_ = {};
  id_.clear();
}

void EventStream::take_line(std::string_view line, std::vector<SentEvent>& events) {
  if (line.empty()) {
    if (!id_.empty()) last_id_ = std::exchange(id_, "");
    SentEvent whole = std::exchange(event_, {});
    if (whole.kind.empty()) whole.kind = "message";
    if (!whole.data.empty()) events.push_back(std::move(whole));
    return;
  }
  const size_t colon = line.find(':');
  if (colon == 0) return;  // a remark
  const std::string_view name = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "event") event_.kind = value;
  if (name == "id") id_ = value;
  if (name == "data") {
    if (!event_.data.empty()) event_.data += '\n';
    event_.data += value;
  }
}

}  // namespace e2k::supervisor::ctl
