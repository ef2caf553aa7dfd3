#include "supervisor/control/event_log.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "common/text.h"

namespace e2k::supervisor {
namespace {

using Json = nlohmann::ordered_json;

std::string json_of(const Transition& transition, RealNs now) {
  return Json{{"time", iso8601_utc(now.value)},
              {"what", utf8_or_latin1(transition.what)},
              {"before", transition.before.empty() ? Json() : Json(transition.before)},
              {"state", transition.state},
              {"text", utf8_or_latin1(transition.words)}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string EventLog::id_of(uint64_t number) const {
  return fmt::format("{:x}.{}", begun_.value, number);
}

void EventLog::add(const Transition& transition, RealNs now) {
  kept_.push_back(
      fmt::format("id: {}\nevent: change\ndata: {}\n\n", id_of(last() + 1), json_of(transition, now)));
  if (kept_.size() <= kKept) return;
  kept_.pop_front();
  ++first_;
}

std::optional<uint64_t> EventLog::number_of(std::string_view id) const {
  const std::string mine = fmt::format("{:x}.", begun_.value);
  if (!id.starts_with(mine)) return std::nullopt;
  id.remove_prefix(mine.size());
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (error != std::errc() || end != id.data() + id.size() || number > last()) return std::nullopt;
  return number;
}

std::string EventLog::greeting(std::string_view last_event_id, const std::vector<Transition>& standing,
                               RealNs now, uint64_t& seen) const {
  std::string text = "retry: 2000\n\n";
  if (const auto number = number_of(last_event_id); number && *number + 1 >= first_) {
    seen = *number;
    return text;
  }
  if (!last_event_id.empty())
    text += "event: missed\ndata: {\"text\":\"changes before this are not known any more\"}\n\n";
  for (const Transition& one : standing) text += "event: standing\ndata: " + json_of(one, now) + "\n\n";
  seen = last();
  return text + "id: " + id_of(seen) + "\nevent: live\ndata: {}\n\n";
}

EventLog::Chunk EventLog::next(uint64_t& seen) const {
  if (seen + 1 < first_)
    return {"event: dropped\ndata: {\"text\":\"this reader was too slow; it may come back\"}\n\n", true};
  Chunk chunk;
  for (; seen < last() && chunk.text.size() < kChunkBytes; ++seen) chunk.text += kept_[seen + 1 - first_];
  return chunk;
}

std::string status_event(std::string_view document) {
  return "event: status\ndata: " + std::string(document) + "\n\n";
}

}  // namespace e2k::supervisor
