#include "worker/publish/feed.h"

#include <algorithm>
#include <utility>

#include "common/log.h"
#include "proto/crc32c.h"
#include "worker/spool/lost_notice.h"

namespace e2k::worker {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
// Reports are served at least once every so many records.
constexpr int kRecordsATurn = 2048;
// Records in a row that only wait for room in flight: what comes behind them is hardly anybody else's, and is
// read twice.
constexpr int kLeftInARow = 256;
// Between acknowledgements of a crowded topic, for others to wait for the next one. Nobody is to notice when
// a topic loses its leader.
constexpr int64_t kQuickNs = 100 * kNsPerMs;
// Of one record: a third worker does not die over it.
constexpr uint32_t kDeathsOver = 2;
const OutputNames kNoNames;

}  // namespace

Feed::Feed(FeedParts parts, Outlet& outlet, Composer& composer)
    : parts_(std::move(parts)),
      outlet_(outlet),
      composer_(composer),
      books_(*parts_.books),
      header_(books_.header()),
      settler_(books_),
      older_left_(static_cast<uint32_t>(parts_.older.size())),
      has_suspect_(header_.suspect_deaths.load(kRelaxed) >= kDeathsOver),
      coalescer_(parts_.min_interval_ns) {
  if (parts_.live == nullptr) free_all_holds();
  learn_holds();
  go_to({0, {}});
  for (const auto& [topic, log] : parts_.aside->all()) {
    Topic& t = topic_of(topic);
    t.aside = log.get();
    t.aside_unread = true;
    trouble(t);
  }
  // From now on the books know which logs there have to be.
  tell_older_logs();
  header_.aside_logs.store(static_cast<uint32_t>(parts_.aside->all().size()), kRelaxed);
}

spool::Log& Feed::log_at(uint32_t order) {
  return order < parts_.older.size() ? *parts_.older[order] : parts_.live->log();
}

void Feed::go_to(LogPlace to) {
  const bool in_older = to.log < parts_.older.size();
  if (!in_older && parts_.live == nullptr) {
    reader_.reset();
    current_ = to.log;
    return;
  }
  if (in_older && parts_.older[to.log] == nullptr) return go_to({to.log + 1, {}});
  if (reader_ == nullptr || current_ != to.log) {
    reader_ = std::make_unique<spool::LogReader>(log_at(to.log), in_older);
    current_ = to.log;
  }
  reader_->seek(to.position);
}

// Where the reader is at the end of a log that nobody appends to.
bool Feed::next_log() {
  if (current_ >= parts_.older.size()) return false;
  go_to({current_ + 1, {}});
  return reader_ != nullptr;
}

std::optional<spool::Position> Feed::live_position() const {
  if (reader_ == nullptr || current_ < parts_.older.size()) return std::nullopt;
  return reader_->position();
}

void Feed::begin_turn(int64_t now_ns, int64_t real_ns) {
  now_ns_ = now_ns;
  real_ns_ = real_ns;
  for (Topic* topic : behind_) topic->is_behind = false;
  behind_.clear();
  learn_holds();
  end_holds();
}

bool Feed::follow() {
  more_to_read_ = held_back_ = false;
  if (reader_ == nullptr || !may_run_ahead()) return false;
  bool produced = false;
  int left_in_a_row = 0;
  spool::RecordView view;
  for (int i = 0; i < kRecordsATurn; ++i) {
    const auto outcome = reader_->peek(view);
    if (outcome == spool::ReadOutcome::damaged) {
      reader_is_at_damage();
      continue;
    }
    if (outcome != spool::ReadOutcome::record) {
      if (next_log()) continue;
      return produced;
    }
    spool::Segment& segment = *reader_->segment();
    const uint64_t unit = reader_->unit();
    note_read(segment, view);
    if (!view.is_event()) {
      if (view.header->kind == spool::RecordKind::channel) describe(view);
    } else if (segment.settlement(unit) == 0 && !segment.is_busy(unit)) {
      const spool::StandingRecord record{&log_at(current_), &segment, unit};
      OutputEntry* entry = entry_of(view.header->index);
      if (entry == nullptr) {
        settler_.lose(record, ledger::LossReason::encoding_failed, real_ns_);
      } else if (stays_held(*entry, view)) {
        hold_back(view.header->index, {current_, view.position});
      } else if (!entry->held) {
        const Offer offered = offer(record, view, *entry);
        left_in_a_row = offered == Offer::left && has_room_soon(*entry->topic) ? left_in_a_row + 1 : 0;
        if (offered == Offer::try_later || left_in_a_row == kLeftInARow) {
          held_back_ = true;
          return produced;
        }
        produced |= offered == Offer::taken;
      }
    }
    reader_->skip(view);
  }
  more_to_read_ = true;
  return produced;
}

// Its window is full, and acknowledgements come in quick succession.
bool Feed::has_room_soon(const Topic& topic) const {
  return topic.crowded && topic.flow.flow == Flow::flowing &&
         now_ns_ - topic.flow.acknowledged_at_ns < kQuickNs;
}

// What is read ahead of a backlog that will be taken up any moment is read twice.
bool Feed::may_run_ahead() {
  if (troubled_.empty()) return true;
  const bool outage = outlet_.is_silent_for(kOutageNs, now_ns_);
  for (const Topic* topic : troubled_) {
    if (!topic->has_left) continue;
    if (!outage && !has_room_soon(*topic)) continue;
    const bool far = topic->left_from.log != current_ ||
                     topic->left_from.position.segment() + 1 < reader_->position().segment();
    if (far) {
      held_back_ = true;
      return false;
    }
  }
  return true;
}

void Feed::note_read(spool::Segment& segment, const spool::RecordView& view) {
  spool::SegmentUse& use = segment.use();
  const uint64_t unit = view.position.unit();
  if (unit < use.read_upto) return;
  use.read_upto = unit + view.units;
  if (!view.is_event()) return;
  ++use.events;
  if (segment.settlement(unit) != 0) ++use.settled;
}

Feed::Offer Feed::offer(const spool::StandingRecord& record, const spool::RecordView& view,
                        OutputEntry& entry) {
  Topic& topic = *entry.topic;
  if (topic.has_backlog() || !takes(topic)) {
    leave(topic, {current_, view.position});
    return Offer::left;
  }
  if (!outlet_.window_open()) return Offer::try_later;
  if (!outlet_.has_room(topic)) {
    topic.crowded = true;
    leave(topic, {current_, view.position});
    return Offer::left;
  }
  const Offer offered = produce(record, view, entry);
  if (offered == Offer::left) leave(topic, {current_, view.position});
  return offered;
}

bool Feed::passes(const spool::StandingRecord& record, const spool::RecordView& view) {
  const uint32_t index = view.header->index;
  if (view.header->kind == spool::RecordKind::error) {
    // What was held comes before it, and what comes after it is new.
    if (const auto held = coalescer_.release(index)) {
      held->segment->clear_busy(held->unit);
      if (!publish_held(index, *held)) return false;
    }
    coalescer_.forget(index);
    return true;
  }
  const auto verdict = coalescer_.take(index, view.event().arrival_real_ns, record);
  if (verdict.replaced) {
    verdict.replaced->segment->clear_busy(verdict.replaced->unit);
    settler_.coalesce(*verdict.replaced);
  }
  if (!verdict.publish) record.segment->set_busy(record.unit);
  return verdict.publish;
}

// false: its topic can't take it; it is in the backlog.
bool Feed::publish_held(uint32_t index, const spool::StandingRecord& record) {
  OutputEntry& entry = entries_[index];
  Topic& topic = *entry.topic;
  spool::RecordView view;
  (void)spool::read_again(record.segment->view(), record.unit, view);
  if (!topic.has_backlog() && takes(topic) && outlet_.window_open() && outlet_.has_room(topic) &&
      send(record, view, entry) == Offer::taken)
    return true;
  put_back(topic, record);
  return false;
}

bool Feed::release_held(bool all) {
  bool produced = send_what_is_due(all);
  if (!coalescer_.is_on()) return produced;
  const int64_t until_ns = all ? INT64_MAX : more_to_read_ || held_back_ ? log_time_ns_ : real_ns_;
  while (const auto due = coalescer_.next_due(until_ns)) {
    due->second.segment->clear_busy(due->second.unit);
    produced |= publish_held(due->first, due->second);
  }
  return produced;
}

std::optional<int64_t> Feed::next_due_ns() const {
  const auto gathered = gathered_due_ns(), held = coalescer_.next_due_ns();
  if (!gathered || !held) return gathered ? gathered : held;
  return std::min(*gathered, *held);
}

// Of a topic that may produce and has room.
Feed::Offer Feed::produce(const spool::StandingRecord& record, const spool::RecordView& view,
                          OutputEntry& entry) {
  if (!coalescer_.is_on()) return send(record, view, entry);
  log_time_ns_ = view.event().arrival_real_ns;
  if (!passes(record, view)) return record.segment->is_busy(record.unit) ? Offer::taken : Offer::left;
  const Offer offered = send(record, view, entry);
  if (offered != Offer::taken) coalescer_.take_back(view.header->index);
  return offered;
}

// A converter that crashes over an event would end every worker that finds it in the log.
bool Feed::kills_workers(const spool::StandingRecord& record) {
  if (!has_suspect_ || record.log->id() != header_.suspect_log.load(kRelaxed) ||
      record.position().word != header_.suspect_position.load(kRelaxed))
    return false;
  has_suspect_ = false;
  header_.suspect_deaths.store(0, kRelaxed);
  log::error("event.killed_workers topic={} index={} remedy=\"it is lost; mend the converter\"",
             log::quoted(entries_[record.header().index].topic->name), record.header().index);
  return true;
}

Feed::Offer Feed::send(const spool::StandingRecord& record, const spool::RecordView& view,
                       OutputEntry& entry) {
  if (!gathers(*entry.topic)) return send_now(record, view, entry);
  gather(*entry.topic, record);
  return Offer::taken;
}

Feed::Offer Feed::send_now(const spool::StandingRecord& record, const spool::RecordView& view,
                           OutputEntry& entry) {
  const uint32_t index = view.header->index;
  if (kills_workers(record)) {
    lose(record, ledger::LossReason::killed_worker);
    return Offer::taken;
  }
  if (parts_.flight != nullptr) {
    parts_.flight->log.store(record.log->id(), kRelaxed);
    parts_.flight->position.store(view.position.word, kRelaxed);
    parts_.flight->entry_plus_one.store(uint64_t{index} + 1, kRelaxed);
  }
  Offer offered = Offer::taken;
  const bool told = entry.lost_untold == 0 || tell_lost(entry, index);
  const auto composed = told ? composer_.compose(view, entry, names_of(index), texts_) : std::nullopt;
  if (!told) {
    offered = Offer::left;
  } else if (!composed) {
    lose(record, ledger::LossReason::encoding_failed);
  } else {
    switch (outlet_.produce(*composed, {record, entry.topic, index, 0, 0, composed->restamped})) {
      case Outlet::Produced::taken:
        break;
      case Outlet::Produced::full:
        offered = Offer::try_later;
        break;
      case Outlet::Produced::refused:
        lose(record, ledger::LossReason::refused_by_broker);
        break;
      case Outlet::Produced::failed:
        offered = Offer::left;
        break;
    }
  }
  if (parts_.flight != nullptr) parts_.flight->entry_plus_one.store(0, kRelaxed);
  return offered;
}

// One record for all events of the entry that were dropped since the last one. false: not now.
bool Feed::tell_lost(OutputEntry& entry, uint32_t index) {
  if (entry.topic->flow.lane == Lane::careful && entry.topic->flow.in_flight != 0) return false;
  spool::LostNotice buffer;
  const std::string_view text = spool::write_lost_notice(entry.lost_untold, buffer);
  const auto composed = composer_.compose_error(text, real_ns_, entry, names_of(index), texts_);
  if (composed) {
    // What comes back of it at once is untold again.
    const uint32_t lost = std::exchange(entry.lost_untold, 0);
    const auto produced = outlet_.produce(*composed, {{}, entry.topic, index, 0, lost});
    if (produced != Outlet::Produced::taken) {
      if (produced != Outlet::Produced::failed) entry.lost_untold += lost;
      return false;
    }
  }
  // It can't be told in this form of records.
  if (!composed) settler_.tell(EntryIndex{index}, entry.lost_untold);
  entry.lost_untold = 0;
  // In the careful lane it goes alone, too.
  return may_produce(entry.topic->flow);
}

void Feed::lose(const spool::StandingRecord& record, ledger::LossReason reason) {
  const uint32_t index = record.header().index;
  // What a lost record told of is told with it.
  spool::RecordView view;
  uint32_t told = 0;
  if (record.header().kind == spool::RecordKind::error &&
      spool::read_again(record.segment->view(), record.unit, view) == spool::ReadOutcome::record)
    told = spool::events_of_notice({reinterpret_cast<const char*>(view.value().data()), view.value().size()});
  settler_.lose(record, reason, real_ns_, 1 + told);
  if (OutputEntry* entry = entry_of(index)) entry->lost_untold += 1 + told;
}

void Feed::leave(Topic& topic, LogPlace at) {
  if (!topic.has_left || at < topic.left_from) topic.left_from = at;
  topic.has_left = true;
  trouble(topic);
}

void Feed::trouble(Topic& topic) {
  if (std::exchange(topic.troubled, true)) return;
  troubled_.push_back(&topic);
}

void Feed::describe(const spool::RecordView& view) {
  const uint32_t index = view.header->index;
  if (index >= ledger::kMaxEntries || books_.line(EntryIndex{index}) == nullptr) return;
  // Each entry that is opened is described before its first event: none that is held is taken for free.
  learn_holds();
  if (entries_.size() <= index) entries_.resize(index + 1);
  OutputEntry& entry = entries_[index];
  const auto names_crc =
      crc32c(static_cast<uint32_t>(view.topic().size()), view.topic().data(), view.names_bytes());
  if (entry.topic != nullptr) {
    if (entry.names_crc == names_crc) return;
    // An index keeps its meaning as long as the slot has logs. Where somebody broke that rule, what is read
    // from here on goes where it belongs.
    log::error("index.reused index={} channel={}", index, log::quoted(view.channel()));
    std::erase(entry.topic->entries, index);
    entry = {};
  }
  entry.names_crc = names_crc;
  entry.channel_hash = channel_hash(view.channel());
  entry.held = held_.has(entry.channel_hash);
  any_held_ |= entry.held;
  // What earlier workers lost of it, too.
  entry.lost_untold = books_.used_line(EntryIndex{index})->publisher.untold_spooled.load(kRelaxed);
  const auto keep = [this](std::string_view text) {
    return std::string_view(texts_.keep(text), text.size());
  };
  entry.topic = &topic_of(view.topic());
  entry.topic->entries.push_back(index);
  if (composer_.converters().value->wants_names()) {
    names_.resize(entries_.size());
    names_[index] = {keep(view.channel()), keep(view.key())};
  }
  // Last, so that what it is encoded to can take its place.
  entry.key = texts_.keep(view.key());
  entry.key_bytes = static_cast<uint32_t>(view.key().size());
  books_.used_line(EntryIndex{index})->publisher.blocked.store(entry.topic->flow.why, kRelaxed);
  entry.prepared = held_since_.contains(index);
}

OutputEntry* Feed::entry_of(uint32_t index) {
  if (index >= entries_.size() || entries_[index].topic == nullptr) return nullptr;
  return &entries_[index];
}

const OutputNames& Feed::names_of(uint32_t index) const {
  return index < names_.size() ? names_[index] : kNoNames;
}

Topic& Feed::topic_of(std::string_view commanded) {
  const auto found = topics_.find(commanded);
  if (found != topics_.end()) return *found->second;
  auto& place = topics_[std::string(commanded)];
  place = std::make_unique<Topic>();
  place->commanded = std::string(commanded);
  place->name = parts_.topic_prefix + place->commanded;
  place->settler = &settler_;
  learn_schemas(*place);
  return *place;
}

void Feed::learn_schemas(Topic& topic) {
  const auto id = [&](const std::unique_ptr<SchemaIds>& ids) {
    return ids ? ids->id_for(topic.name) : std::optional<int32_t>(0);
  };
  // Both are asked for at once.
  const auto value_id = id(composer_.converters().value_ids), key_id = id(composer_.converters().key_ids);
  topic.value_schema_id = value_id.value_or(0);
  topic.key_schema_id = key_id.value_or(0);
  const bool known = value_id && key_id;
  (void)outlet_.step(topic, {known ? FlowEvent::schemas_known : FlowEvent::schemas_missing, now_ns_});
  if (!known) trouble(topic);
}

void Feed::take_schema_news() {
  for (Topic* topic : troubled_)
    if (!topic->flow.schemas_known) learn_schemas(*topic);
}

void Feed::why_changed(Topic& topic) {
  const ledger::Blocked why = topic.flow.why;
  for (const uint32_t index : topic.entries)
    if (ledger::Entry* line = books_.used_line(EntryIndex{index}))
      line->publisher.blocked.store(why, kRelaxed);
  if (!topic_lines_.admit(MonotonicNs{now_ns_})) {
    // The status has them all.
  } else if (why == ledger::Blocked::no) {
    log::info("topic.flows topic={}", log::quoted(topic.name));
  } else {
    log::warn("topic.blocked topic={} reason={}", log::quoted(topic.name), ledger::to_string(why));
  }
  // So that it can be moved.
  if (why != ledger::Blocked::no) put_gathered_back(topic);
  trouble(topic);
}

void Feed::came_back(Topic& topic, const InFlight& what, const FlowOutcome& outcome) {
  const spool::StandingRecord& record = what.record;
  // Refused for good, it would be refused again.
  if (what.lost != 0 && outcome.record_is_lost) settler_.tell(EntryIndex{what.index}, what.lost);
  if (what.lost != 0 && !outcome.record_is_lost) entries_[what.index].lost_untold += what.lost;
  if (outcome.record_is_lost) {
    if (record.segment != nullptr) lose(record, ledger::LossReason::refused_by_broker);
  } else if (record.segment != nullptr) {
    put_back(topic, record);
  }
  put_gathered_back(topic);
  trouble(topic);
}

void Feed::put_back(Topic& topic, const spool::StandingRecord& record) {
  trouble(topic);
  if (topic.aside != nullptr && record.log == &topic.aside->log()) {
    topic.rewind_aside = topic.aside_unread = true;
    return;
  }
  uint32_t order = 0;
  while (order < parts_.older.size() && record.log != parts_.older[order].get()) ++order;
  leave(topic, {order, record.position()});
}

// The rest of the segment is lost to us, how much of it is not known; what stands before it is published.
void Feed::reader_is_at_damage() {
  const spool::Segment& segment = *reader_->segment();
  log::error(
      "spool.damaged directory={} segment={} unit={} remedy=\"the rest of the segment is passed over\"",
      log::quoted(log_at(current_).directory()), segment.number(), reader_->unit());
  reader_->cut();
  header_.unreconciled.store(1, kRelaxed);
  if (current_ >= parts_.older.size()) parts_.intake->leave_segment(segment.number());
}

}  // namespace e2k::worker
