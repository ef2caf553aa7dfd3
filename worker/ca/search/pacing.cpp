#include "worker/ca/search/pacing.h"

#include <algorithm>

namespace e2k::worker::search {
namespace {
constexpr int64_t kMaxFirstWaitNs = 640 * kNsPerMs;
constexpr int64_t kFirstFramesAtOnce = 8;
}  // namespace

Pacing::Pacing(const PacingSettings& settings)
    : settings_(settings),
      first_wait_ns_(settings.first_wait_ns),
      first_(settings.first_frames_per_second, kFirstFramesAtOnce) {
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

std::optional<MonotonicNs> Pacing::next_turn(MonotonicNs now) const {
  std::optional<MonotonicNs> next;
  if (levels_[0].queued_names > 0) next = first_.available(now) > 0 ? MonotonicNs{0} : first_.next();
  for (const Level& level : levels_) {
    if (level.queued_names > 0 && level.in_flight < level.window) return MonotonicNs{0};
    // A level's waiting time never shrinks: the first frame sent is the first whose time is up.
    if (!level.sent.empty() && (!next || level.sent.front().deadline < *next))
      next = level.sent.front().deadline;
  }
  return next;
}

void Pacing::on(const AddName& event, MonotonicNs now, PacingActions&) {
  if (event.id >= names_.size()) names_.resize(size_t{event.id} + 1);
  forget(event.id);
  Name& name = names_[event.id];
  name.name_bytes = event.name_bytes;
  name.persistence = event.persistence;
  name.refused = event.level > 0;
  if (event.level == 0) return enqueue(event.id, 0, false);
  // As if it had been asked for just now.
  const size_t level = std::min<size_t>(event.level, levels_.size() - 1);
  name.where = Where::sent;
  name.level = static_cast<uint8_t>(level);
  name.ticket = ++ticket_;
  levels_[level].sent.push_back({name.ticket, {event.id}, 0, false, MonotonicNs{now.value + wait_ns(level)}});
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
  const bool from_above = name.level > kBoostLevel && !name.refused;
  forget(event.id);
  out.found.push_back(event.id);
  if (from_above) bring_down(kBoostLevel);
}

void Pacing::on(const ServerAppeared&, MonotonicNs, PacingActions&) {
  bring_down(kBoostLevel);
}

void Pacing::on(const ReachChanged&, MonotonicNs, PacingActions&) {
  bring_down(1);
}

void Pacing::on(const TimePassed& event, MonotonicNs now, PacingActions& out) {
  for (size_t level = 0; level < levels_.size(); ++level) expire(level, now);
  send(0, now, INT64_MAX, out);
  while (levels_[0].queued_names > 0 && first_.available(now) > 0) {
    first_.spend(1, now);
    send_frame(0, false, now, out);
  }
  for (size_t level = 1; level < levels_.size(); ++level) {
    const size_t before = out.send.size();
    send(level, now, event.retry_frames - out.retry_frames, out);
    out.retry_frames += static_cast<int64_t>(out.send.size() - before);
  }
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

void Pacing::expire(size_t level_number, MonotonicNs now) {
  Level& level = levels_[level_number];
  const size_t next_level = std::min(level_number + 1, levels_.size() - 1);
  while (!level.sent.empty() && level.sent.front().deadline <= now) {
    const Sent frame = std::move(level.sent.front());
    level.sent.pop_front();
    const bool likely_lost = frame.counted && frame.answered == 0 && level.window > 1;
    if (frame.counted) {
      --level.in_flight;
      level.window = std::max(1u, frame.answered == 0 ? level.window / 2 : level.window - 1);
    }
    for (NameId id : frame.names) {
      Name& name = names_[id];
      if (name.where != Where::sent || name.ticket != frame.ticket) continue;
      if (name.persistence == Persistence::few_tries && next_level >= kTries) {
        forget(id);
      } else {
        enqueue(id, next_level, likely_lost);
      }
    }
  }
}

void Pacing::send(size_t level_number, MonotonicNs now, int64_t room, PacingActions& out) {
  const Level& level = levels_[level_number];
  for (; room > 0 && level.queued_names > 0 && level.in_flight < level.window; --room)
    send_frame(level_number, true, now, out);
}

// `counted`: it takes room in the level's window.
void Pacing::send_frame(size_t level_number, bool counted, MonotonicNs now, PacingActions& out) {
  Level& level = levels_[level_number];
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
  if (counted) ++level.in_flight;
  level.sent.push_back(
      {frame.sequence, frame.names, 0, counted, MonotonicNs{now.value + wait_ns(level_number)}});
  out.send.push_back(std::move(frame));
  if (level.queued_names == 0) level.queue.clear();
}

}  // namespace e2k::worker::search
