#include "worker/ca/search/pacing.h"

#include <algorithm>

namespace e2k::worker::search {
namespace {
constexpr int64_t kMaxFirstWaitNs = 640 * kNsPerMs;
}

Pacing::Pacing(const PacingSettings& settings) : settings_(settings), first_wait_ns_(settings.first_wait_ns) {
  size_t levels = 2;
  for (int64_t wait = settings_.ladder_ns; wait < settings_.max_period_ns; wait *= 2) ++levels;
  levels_.resize(levels);
}

int64_t Pacing::wait_ns(size_t level) const {
  if (level == 0) return first_wait_ns_;
  return std::min(settings_.ladder_ns << (level - 1), settings_.max_period_ns);
}

bool Pacing::was_asked(NameId id) const {
  return id < names_.size() && (names_[id].level > 0 || names_[id].where != Where::queued);
}

void Pacing::step(const PacingEvent& event, MonotonicNs now, PacingActions& out) {
  std::visit([&](const auto& e) { on(e, now, out); }, event);
}

std::optional<MonotonicNs> Pacing::next_turn() const {
  std::optional<MonotonicNs> next;
  for (const Level& level : levels_) {
    if (level.queued_names > 0 && level.in_flight < level.window) return MonotonicNs{0};
    // A level's waiting time never shrinks: the first frame sent is the first whose time is up.
    if (!level.sent.empty() && (!next || level.sent.front().deadline < *next))
      next = level.sent.front().deadline;
  }
  return next;
}

void Pacing::on(const AddName& event, MonotonicNs, PacingActions&) {
  if (event.id >= names_.size()) names_.resize(size_t{event.id} + 1);
  forget(event.id);
  Name& name = names_[event.id];
  name.name_bytes = event.name_bytes;
  name.persistence = event.persistence;
  ++searched_;
  enqueue(event.id, 0, false);
}

void Pacing::on(const RemoveName& event, MonotonicNs, PacingActions&) {
  if (event.id < names_.size()) forget(event.id);
}

void Pacing::on(const NameAnswered& event, MonotonicNs, PacingActions& out) {
  if (!searching(event.id)) return;
  Name& name = names_[event.id];
  if (name.where == Where::sent)
    count_answer(name);
  else if (name.level == 1 && name.persistence == Persistence::until_answered)
    first_wait_ns_ = std::min(first_wait_ns_ * 2, kMaxFirstWaitNs);  // answered after its time was up
  const bool from_above = name.level > kBoostLevel;
  forget(event.id);
  out.found.push_back(event.id);
  if (from_above) bring_down(kBoostLevel);
}

void Pacing::on(const ServerAppeared&, MonotonicNs, PacingActions&) {
  bring_down(kBoostLevel);
}

void Pacing::on(const TimePassed&, MonotonicNs now, PacingActions& out) {
  for (size_t level = 0; level < levels_.size(); ++level) expire(level, now, out);
  for (size_t level = 0; level < levels_.size(); ++level) send(level, now, out);
}

void Pacing::enqueue(NameId id, size_t level, bool front) {
  Name& name = names_[id];
  name.where = Where::queued;
  name.level = static_cast<uint8_t>(level);
  name.ticket = ++ticket_;
  Level& l = levels_[level];
  ++l.queued_names;
  if (front)
    l.queue.push_front({id, name.ticket});
  else
    l.queue.push_back({id, name.ticket});
}

void Pacing::forget(NameId id) {
  Name& name = names_[id];
  if (name.where == Where::nowhere) return;
  if (name.where == Where::queued) --levels_[name.level].queued_names;
  name.where = Where::nowhere;
  --searched_;
}

void Pacing::count_answer(Name& name) {
  Level& level = levels_[name.level];
  const auto frame = std::lower_bound(level.sent.begin(), level.sent.end(), name.ticket,
                                      [](const Sent& sent, uint32_t ticket) { return sent.ticket < ticket; });
  if (frame == level.sent.end() || frame->ticket != name.ticket) return;
  ++frame->answered;
  if (frame->counted && frame->answered * 2 >= frame->names.size()) {
    frame->counted = false;
    --level.in_flight;
    level.window = std::min(level.window + 1, settings_.max_window);
  }
  while (!level.sent.empty() && level.sent.front().answered >= level.sent.front().names.size())
    level.sent.pop_front();
}

void Pacing::bring_down(size_t to_level) {
  for (size_t above = to_level + 1; above < levels_.size(); ++above) {
    std::deque<Queued> queue;
    queue.swap(levels_[above].queue);
    for (const Queued& q : queue) {
      const Name& name = names_[q.id];
      if (name.where != Where::queued || name.ticket != q.ticket) continue;
      --levels_[above].queued_names;
      enqueue(q.id, to_level, false);
    }
    // Those that were sent wait for an answer that may never come: asked again, and the frame forgotten.
    for (Sent& frame : levels_[above].sent) {
      for (NameId id : frame.names)
        if (names_[id].where == Where::sent && names_[id].ticket == frame.ticket)
          enqueue(id, to_level, false);
      if (frame.counted) --levels_[above].in_flight;
    }
    levels_[above].sent.clear();
  }
}

void Pacing::expire(size_t level_number, MonotonicNs now, PacingActions& out) {
  Level& level = levels_[level_number];
  const size_t next_level = std::min(level_number + 1, levels_.size() - 1);
  while (!level.sent.empty() && level.sent.front().deadline <= now) {
    const Sent frame = std::move(level.sent.front());
    level.sent.pop_front();
    const bool likely_lost = frame.answered == 0 && level.window > 1;
    if (frame.counted) {
      --level.in_flight;
      level.window = std::max(1u, frame.answered == 0 ? level.window / 2 : level.window - 1);
    }
    for (NameId id : frame.names) {
      Name& name = names_[id];
      if (name.where != Where::sent || name.ticket != frame.ticket) continue;
      if (name.persistence == Persistence::few_tries && next_level >= kTries) {
        forget(id);
        out.given_up.push_back(id);
      } else {
        enqueue(id, next_level, likely_lost);
      }
    }
  }
}

void Pacing::send(size_t level_number, MonotonicNs now, PacingActions& out) {
  Level& level = levels_[level_number];
  while (level.queued_names > 0 && level.in_flight < level.window) {
    SearchFrame frame{++ticket_, {}};
    size_t bytes = kHeaderBytes;
    while (!level.queue.empty()) {
      const Queued q = level.queue.front();
      Name& name = names_[q.id];
      const bool stale = name.where != Where::queued || name.ticket != q.ticket;
      if (!stale) {
        bytes += request_bytes(name.name_bytes);
        if (bytes > kFrameBytes) break;
        name.where = Where::sent;
        name.ticket = frame.sequence;
        --level.queued_names;
        frame.names.push_back(q.id);
      }
      level.queue.pop_front();
    }
    ++level.in_flight;
    level.sent.push_back(
        {frame.sequence, frame.names, 0, true, MonotonicNs{now.value + wait_ns(level_number)}});
    out.send.push_back(std::move(frame));
  }
  if (level.queued_names == 0) level.queue.clear();
}

}  // namespace e2k::worker::search
