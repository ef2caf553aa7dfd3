#include "supervisor/status/spool_problems.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/text.h"
#include "supervisor/status/spool_texts.h"

namespace e2k::supervisor {
namespace {

using ledger::LossReason;
constexpr int64_t kSampleNs = 5 * kNsPerSecond, kGrowthNs = 60 * kNsPerSecond;
constexpr int64_t kLinesIntervalNs = 2 * kNsPerSecond;
// Events that wait for longer may wait for a topic.
constexpr double kSuspiciousWaitS = 2;
constexpr double kFillingWithinS = 600;
constexpr size_t kTopics = 5;
constexpr double kNsPerSecondF = 1e9;
constexpr int64_t kFullForNs = 30 * kNsPerSecond;

bool is_recent(MonotonicNs at, MonotonicNs now, int64_t window_ns) {
  return now.value - window_ns < at.value;
}

bool means_full(LossReason reason) {
  return reason == LossReason::no_segment || reason == LossReason::dropped_oldest ||
         reason == LossReason::dropped_newest;
}

uint64_t rest(uint64_t of, uint64_t taken) {
  return of - std::min(of, taken);
}

// The rest of the slot's share, which its file system may not have.
uint64_t room_of(const SpoolFigures& f) {
  const uint64_t share = rest(f.max_bytes, f.used_bytes);
  if (f.disk_room_bytes == UINT64_MAX) return share;
  const uint64_t ready = rest(f.file_bytes, f.used_bytes);
  return std::min(share, ready + std::min(f.disk_room_bytes, UINT64_MAX - ready));
}

double growth(uint64_t before, uint64_t after, int64_t ns) {
  return ns <= 0 || after <= before ? 0 : static_cast<double>(after - before) * 1e9 / static_cast<double>(ns);
}

}  // namespace

SpoolFigures spool_figures_of(const ledger::Header& header, RealNs now) {
  constexpr auto relaxed = std::memory_order_relaxed;
  SpoolFigures f;
  f.slot = Slot{header.slot};
  f.file_bytes = header.spool_bytes.load(relaxed);
  f.used_bytes = header.spool_used_bytes.load(relaxed);
  f.max_bytes = header.spool_max_bytes.load(relaxed);
  f.aside_bytes = header.aside_bytes.load(relaxed);
  f.aside_max_bytes = header.aside_max_bytes.load(relaxed);
  f.aside_logs = header.aside_logs.load(relaxed);
  f.damaged_segments = header.damaged_segments.load(relaxed);
  f.unreconciled = header.unreconciled.load(relaxed) != 0;
  for (size_t i = 0; i < ledger::kReasons; ++i)
    f.lost[i] = header.lost_spooled[i].load(relaxed) + header.lost_unspooled[i].load(relaxed);
  if (const int64_t oldest = header.oldest_waiting_arrival_real_ns.load(relaxed); oldest != 0)
    f.oldest_waiting_s = static_cast<double>(now.value - oldest) / 1e9;
  return f;
}

void SpoolJudge::look(std::span<const SpoolFigures> slots, MonotonicNs now) {
  for (const SpoolFigures& figures : slots) {
    auto [found, is_new] = slots_.try_emplace(figures.slot);
    SlotPast& past = found->second;
    SpoolFigures before = std::exchange(past.now, figures);
    if (is_new) {
      if (!looked_) before = figures;
      past.damaged_before = before.damaged_segments;
    }
    if (past.now.damaged_segments > before.damaged_segments) past.damaged_at = now;
    count_losses(past, before, now);
    note_growth(past, now);
  }
  looked_ = true;
  while (!losses_.empty() && !is_recent(losses_.front().at, now, kLossWindowNs)) losses_.pop_front();
}

void SpoolJudge::count_losses(SlotPast& past, const SpoolFigures& before, MonotonicNs now) {
  for (size_t i = 1; i < ledger::kReasons; ++i) {
    if (past.now.lost[i] <= before.lost[i]) continue;
    const auto reason = static_cast<LossReason>(i);
    const uint64_t events = past.now.lost[i] - before.lost[i];
    losses_.push_back({now, reason, events});
    news_of_loss_ = true;
    if (means_full(reason)) past.full_at = now;
    if (reason == LossReason::spool_gone) past.gone_at = now;
    if (reason == LossReason::damaged) past.damaged_at = now;
    past.lost_for_good[reason] += events;
  }
}

void SpoolJudge::note_growth(SlotPast& past, MonotonicNs now) {
  auto& samples = past.samples;
  if (samples.empty() || now.value - samples.back().at.value >= kSampleNs)
    samples.push_back({now, past.now.used_bytes, past.now.aside_bytes});
  while (samples.size() > 2 && now.value - samples.front().at.value > kGrowthNs) samples.pop_front();
  const Sample& first = samples.front();
  const int64_t ns = now.value - first.at.value;
  // From too short a time a rate is a guess.
  past.used_growth = ns < kSampleNs ? 0 : growth(first.used, past.now.used_bytes, ns);
  past.aside_growth = ns < kSampleNs ? 0 : growth(first.aside, past.now.aside_bytes, ns);
  const double used = static_cast<double>(past.now.used_bytes),
               most = static_cast<double>(past.now.max_bytes);
  const double share = most == 0 ? 0 : used / most;
  const bool soon = past.used_growth > 0 && past.lasts_s() < kFillingWithinS && share > 0.05;
  past.filling = share >= 0.5 || soon || (past.filling && share >= 0.45);
  if (share >= 0.97) past.full_at = now;
}

double SpoolJudge::SlotPast::lasts_s() const {
  return static_cast<double>(room_of(now)) / used_growth;
}

bool SpoolJudge::wants_lines(MonotonicNs now) const {
  if (now.value - lines_at_.value < kLinesIntervalNs) return false;
  const bool waits = std::any_of(slots_.begin(), slots_.end(), [](const auto& slot) {
    return slot.second.now.oldest_waiting_s > kSuspiciousWaitS || slot.second.now.aside_logs != 0;
  });
  return waits || !blocked_.empty() || news_of_loss_;
}

void SpoolJudge::tell(LineNews news, MonotonicNs now) {
  const int64_t ns = now.value - lines_at_.value;
  std::map<std::string, Standing, std::less<>> blocked;
  for (auto& [topic, told] : news.blocked) {
    const auto before = blocked_.find(topic);
    Standing& standing = blocked[topic];
    standing.now = told;
    standing.since = before == blocked_.end() ? now : before->second.since;
    if (before == blocked_.end()) continue;
    // Of several looks, so that a bursty topic shows no jumps.
    const double rate = growth(before->second.now.waiting, told.waiting, ns);
    standing.growth = before->second.growth == 0 ? rate : before->second.growth * 0.8 + rate * 0.2;
  }
  blocked_ = std::move(blocked);
  if (!news.losses.empty()) examples_ = std::move(news.losses);
  news_of_loss_ = false;
  lines_at_ = now;
}

std::map<std::string, ledger::Blocked> SpoolJudge::blocked_topics() const {
  std::map<std::string, ledger::Blocked> topics;
  for (const auto& [topic, standing] : blocked_) topics.emplace(topic, standing.now.why);
  return topics;
}

SpoolProblems SpoolJudge::judge(MonotonicNs now) const {
  SpoolProblems problems;
  problems.topic_blocked = topic_blocked(now);
  problems.lacks_only_schemas = std::all_of(blocked_.begin(), blocked_.end(), [](const auto& topic) {
    return topic.second.now.why == ledger::Blocked::encoder;
  });
  problems.spool_full = spools(true, now);
  problems.spool_filling = spools(false, now);
  problems.events_lost = events_lost(now);
  problems.records_refused = records_refused(now);
  problems.log_damaged = log_damaged(now);
  problems.spool_gone = spool_gone(now);
  return problems;
}

std::string SpoolJudge::topic_blocked(MonotonicNs now) const {
  if (blocked_.empty()) return {};
  std::vector<const decltype(blocked_)::value_type*> topics;
  for (const auto& one : blocked_) topics.push_back(&one);
  std::stable_sort(topics.begin(), topics.end(), [](const auto* a, const auto* b) {
    return a->second.now.waiting > b->second.now.waiting;
  });
  std::string out;
  for (size_t i = 0; i < topics.size() && i < kTopics; ++i) {
    const auto& [topic, standing] = *topics[i];
    out += fmt::format("{}topic {} {}: {} events of {} entries wait, for {}", i == 0 ? "" : "; ", topic,
                       cause_of(standing.now.why), standing.now.waiting, standing.now.entries,
                       duration_text(static_cast<double>(now.value - standing.since.value) / kNsPerSecondF));
    if (standing.growth > 0) out += fmt::format(", {:.1f} more a second", standing.growth);
  }
  if (topics.size() > kTopics) out += fmt::format("; and {} more topics", topics.size() - kTopics);
  return out + ". " + aside_room() + remedy_of(topics.front()->second.now.why, topics.front()->first);
}

std::string SpoolJudge::aside_room() const {
  uint64_t bytes = 0, most = 0;
  double room_s = -1;
  for (const auto& [slot, past] : slots_) {
    bytes += past.now.aside_bytes;
    most += past.now.aside_max_bytes;
    if (past.aside_growth <= 0 || past.now.aside_max_bytes <= past.now.aside_bytes) continue;
    const double s = static_cast<double>(past.now.aside_max_bytes - past.now.aside_bytes) / past.aside_growth;
    if (room_s < 0 || s < room_s) room_s = s;
  }
  if (most == 0) return {};
  std::string out =
      fmt::format("Blocked topics take {} of the {} that they may", bytes_text(bytes), bytes_text(most));
  if (room_s >= 0) out += fmt::format(", at the present rate that lasts for {}", duration_text(room_s));
  return out + ". ";
}

std::string SpoolJudge::spools(bool full, MonotonicNs now) const {
  std::string out;
  for (const auto& [slot, past] : slots_) {
    const bool is_full = is_recent(past.full_at, now, kFullForNs);
    if (!past.now.lives || (full ? !is_full : is_full || !past.filling)) continue;
    out += fmt::format("{}the spool of worker {} {}: {} of {}", out.empty() ? "" : "; ", slot.value,
                       full ? "is full" : "fills", bytes_text(past.now.used_bytes),
                       bytes_text(past.now.max_bytes));
    if (full || past.used_growth <= 0 || past.now.max_bytes <= past.now.used_bytes) continue;
    out += fmt::format(", at the present rate it is full in {}", duration_text(past.lasts_s()));
    if (room_of(past.now) < past.now.max_bytes - past.now.used_bytes)
      out += ", since its file system has no room for more";
  }
  if (out.empty()) return out;
  return out +
         (full ? ". Events are lost now. Where it is below its limit, its file system is at "
                 "spool.keep_free_bytes or refuses. Mend Kafka, or make room: spool.max_total_bytes; "
                 "epics2kafkactl workers shows how much is lost"
               : ". More comes than Kafka takes. When it is full, events are lost as spool.when_full says. "
                 "Mend Kafka, or raise spool.max_total_bytes; epics2kafkactl workers shows what waits");
}

std::map<LossReason, uint64_t> SpoolJudge::recent_losses(MonotonicNs now) const {
  std::map<LossReason, uint64_t> lost;
  for (const Loss& loss : losses_)
    if (is_recent(loss.at, now, kLossWindowNs)) lost[loss.reason] += loss.events;
  return lost;
}

std::string SpoolJudge::examples_of(LossReason reason) const {
  std::string out;
  for (const LossExample& example : examples_)
    if (reason == LossReason::none || example.reason == reason)
      out += fmt::format("{}{} (topic {})", out.empty() ? "" : ", ", example.channel, example.topic);
  return out.empty() ? out : ", for example of " + out;
}

std::string SpoolJudge::events_lost(MonotonicNs now) const {
  const auto lost = recent_losses(now);
  if (lost.empty()) return {};
  uint64_t sum = 0;
  std::string reasons, remedies;
  for (const auto& [reason, events] : lost) {
    sum += events;
    reasons += fmt::format("{}{} {}", reasons.empty() ? "" : ", ", events, ledger::to_string(reason));
    remedies += remedy_of(reason);
  }
  return fmt::format(
      "{} events were lost within five minutes, the last {} ago: {}{}. {}epics2kafkactl channel NAME shows "
      "when and why",
      sum, duration_text(static_cast<double>(now.value - losses_.back().at.value) / kNsPerSecondF), reasons,
      examples_of(LossReason::none), remedies);
}

std::string SpoolJudge::records_refused(MonotonicNs now) const {
  const auto lost = recent_losses(now);
  const auto found = lost.find(LossReason::refused_by_broker);
  if (found == lost.end()) return {};
  return fmt::format(
      "Kafka refused {} records within five minutes, each for itself{}. {}The worker's log names "
      "record and error; epics2kafkactl channel NAME shows the last one",
      found->second, examples_of(LossReason::refused_by_broker), remedy_of(LossReason::refused_by_broker));
}

std::string SpoolJudge::log_damaged(MonotonicNs now) const {
  std::string out;
  for (const auto& [slot, past] : slots_) {
    if (!is_recent(past.damaged_at, now, kDamageWindowNs)) continue;
    const auto lost = past.lost_for_good.find(LossReason::damaged);
    out += fmt::format("{}{} files of slot {}, with {} events", out.empty() ? "" : "; ",
                       past.now.damaged_segments - std::min(past.damaged_before, past.now.damaged_segments),
                       slot.value, lost == past.lost_for_good.end() ? 0 : lost->second);
  }
  if (out.empty()) return out;
  return "parts of the spool could not be read and were put aside: " + out +
         ". The machine died, or its disk fails: look at the kernel's log. epics2kafkactl channels shows "
         "what "
         "each channel lost; the worker's log names the files";
}

std::string SpoolJudge::spool_gone(MonotonicNs now) const {
  std::string out;
  for (const auto& [slot, past] : slots_) {
    if (past.now.unreconciled)
      out += fmt::format(
          "{}what waits of slot {} is being found out from its logs, since its books, or some of "
          "the logs, are gone",
          out.empty() ? "" : "; ", slot.value);
    const auto lost = past.lost_for_good.find(LossReason::spool_gone);
    if (lost == past.lost_for_good.end() || !is_recent(past.gone_at, now, kDamageWindowNs)) continue;
    out += fmt::format("{}{} events of slot {} were in files that are no longer there, and are lost",
                       out.empty() ? "" : "; ", lost->second, slot.value);
  }
  if (out.empty()) return out;
  return out +
         ". Nobody but the workers may remove anything from spool.directory, and it has to survive a "
         "reboot; epics2kafkactl channels shows what each channel lost";
}

}  // namespace e2k::supervisor
