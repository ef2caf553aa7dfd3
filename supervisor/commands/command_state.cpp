#include "supervisor/commands/command_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "proto/ledger_format.h"
#include "supervisor/commands/key_spread.h"
#include "supervisor/commands/key_table.h"
#include "supervisor/commands/rejections.h"

namespace e2k::supervisor {
namespace {

// Keys of one entry are few (plain, JSON, JSON spelt otherwise); the bound is against endless spellings.
constexpr size_t kKeysPerEntry = 4;
// Longer than any key that a client writes for a channel of usual length.
constexpr size_t kShownKeyBytes = 2048;

uint64_t hash_of_entry(std::string_view topic, std::string_view channel) {
  return hash_text(topic) * 31 + hash_text(channel);
}

EntryRef ref(const KeyRow& row) {
  return {EntryId{row.id},   row.topic(),
          row.channel(),     row.outkey(),
          row.mask,          row.offset,
          row.partition,     row.never_connected_published,
          row.was_connected, row.disconnected_published};
}

}  // namespace

struct CommandState::Impl {
  Impl(TopicRule r, size_t max) : rule(std::move(r)), max_channels(max) {}

  TopicRule rule;
  size_t max_channels;
  KeyTable keys;
  std::vector<const KeyRow*> by_id;  // the effective row of each identity; nullptr: free
  std::vector<uint32_t> free_ids;
  size_t effective = 0;
  uint32_t log = 1;
  // Of a walk over the keys: what changed since it began, and how far it is in the table, as that was.
  std::optional<std::vector<std::string>> touched;
  size_t walked_buckets = 0, buckets = 0;
  size_t retired_buckets = 0;
  Rejections rejections;
  KeySpread spread;

  KeyTable::index<ByRawKey>::type::iterator find_key(std::string_view raw) {
    auto& index = keys.get<ByRawKey>();
    auto [begin, end] = index.equal_range(hash_text(raw));
    for (; begin != end; ++begin)
      if (begin->has_key(raw)) return begin;
    return index.end();
  }

  // The identity's row that counts, and the one that is to.
  const KeyRow* effective_row(std::string_view topic, std::string_view channel) {
    auto [begin, end] = keys.get<ByChannel>().equal_range(channel);
    for (; begin != end; ++begin)
      if (begin->effective && begin->topic() == topic) return &*begin;
    return nullptr;
  }
  const KeyRow* latest_row(std::string_view topic, std::string_view channel) {
    const KeyRow* latest = nullptr;
    const auto [first, end] = keys.get<ByChannel>().equal_range(channel);
    bool in_one_partition = true, is_only = true;
    for (auto at = first; at != end; ++at)
      if (at->topic() == topic) {
        is_only = latest == nullptr;
        in_one_partition &= latest == nullptr || latest->partition == at->partition;
        latest = &*at;
      }
    if (is_only) return latest;
    for (auto at = first; at != end; ++at)
      if (at->topic() == topic && is_later(*at, *latest, in_one_partition)) latest = &*at;
    return latest;
  }
  bool is_seen(const KeyRow& row) const { return row.log == log; }
  bool is_later(const KeyRow& a, const KeyRow& b, bool in_one_partition) const {
    if (is_seen(a) != is_seen(b)) return is_seen(a);
    const auto rank = [&](const KeyRow& row) {
      return std::tuple(in_one_partition ? 0 : row.timestamp_ms, row.partition, row.offset);
    };
    return rank(a) > rank(b);
  }

  // Whether `entry` would be one too many; `standing` is what its key holds until now.
  bool is_full_for(const EntrySpec& entry, const KeyRow* standing) {
    if (keys.size() >= kKeysPerEntry * max_channels && standing == nullptr) return true;
    if (effective < max_channels || effective_row(entry.topic, entry.channel) != nullptr) return false;
    // Full: only an entry that falls makes room, that is, one with no other key.
    return standing == nullptr || !standing->effective || has_other_row(*standing);
  }
  bool has_other_row(const KeyRow& row) {
    auto [begin, end] = keys.get<ByChannel>().equal_range(row.channel());
    for (; begin != end; ++begin)
      if (&*begin != &row && begin->topic() == row.topic()) return true;
    return false;
  }

  // Why the command is refused, whatever else is commanded.
  std::optional<std::string> refusal(const Command& command) const {
    if (const auto* bad = std::get_if<BadCommand>(&command)) return bad->reason;
    if (const auto* set = std::get_if<SetCommand>(&command)) return rule(set->entry.topic);
    return std::nullopt;
  }

  uint32_t take_id() {
    if (free_ids.empty()) {
      by_id.push_back(nullptr);
      return static_cast<uint32_t>(by_id.size() - 1);
    }
    const uint32_t id = free_ids.back();
    free_ids.pop_back();
    return id;
  }

  // Makes the identity's latest row the effective one and says what that changes.
  void settle(std::string_view topic, std::string_view channel, std::optional<uint32_t> previous,
              std::vector<Change>& changes) {
    const KeyRow* const latest = latest_row(topic, channel);
    if (latest == nullptr) {
      rejections.entry_is_gone(hash_of_entry(topic, channel));
      if (!previous) return;
      by_id[*previous] = nullptr;
      free_ids.push_back(*previous);
      --effective;
      changes.push_back({Change::Kind::removed, EntryId{*previous}});
      return;
    }
    if (previous && by_id[*previous] == latest) return;  // it stands as it stood
    const uint32_t id = previous ? *previous : take_id();
    if (previous && by_id[id] != nullptr && by_id[id] != latest) by_id[id]->effective = false;
    latest->effective = true;
    latest->id = id;
    by_id[id] = latest;
    if (!previous) ++effective;
    changes.push_back({previous ? Change::Kind::changed : Change::Kind::added, EntryId{id}});
  }

  // Takes the row out; answers with its identity's id when it was the effective one.
  std::optional<uint32_t> erase(KeyTable::index<ByRawKey>::type::iterator at) {
    std::optional<uint32_t> id;
    if (at->effective) {
      id = at->id;
      by_id[*id] = nullptr;
    }
    if (touched) touched->push_back(at->raw_key());
    keys.get<ByRawKey>().erase(at);
    return id;
  }

  void unset(KeyTable::index<ByRawKey>::type::iterator at, std::vector<Change>& changes) {
    const std::string topic(at->topic()), channel(at->channel());
    if (auto id = erase(at)) settle(topic, channel, id, changes);
  }

  // Why a tombstone under a key that does not stand is no order to remove what that key means, or nothing:
  // such an entry stands under other bytes, of an earlier record.
  std::optional<std::string> misses(int32_t partition, int64_t offset, std::string_view key,
                                    std::optional<uint64_t>& entry_hash) {
    const auto meant = entry_of_json_key(key);
    if (!meant) return std::nullopt;
    entry_hash = hash_of_entry(meant->topic, meant->channel);
    const KeyRow* standing = effective_row(meant->topic, meant->channel);
    if (standing == nullptr) return std::nullopt;
    // Of another partition it can't be told which was first; what a snapshot brought may be of later.
    const bool is_earlier = standing->partition == partition ? standing->offset < offset : is_seen(*standing);
    if (!is_earlier) return std::nullopt;
    const std::string raw = standing->raw_key();
    return fmt::format(
        "the tombstone removes nothing: the entry of channel {} for topic {} stands under the key {}, which "
        "is "
        "compared byte for byte; send it under that key, or: epics2kafkactl unset -c {} -t {}",
        meant->channel, meant->topic,
        raw.size() <= kShownKeyBytes ? raw : fmt::format("of {} bytes", raw.size()), meant->channel,
        meant->topic);
  }

  const KeyRow& insert(KeyRow row, std::string_view raw) {
    if (touched) touched->emplace_back(raw);
    return *keys.insert(std::move(row)).first;
  }

  // `standing`: where the key stands until now, or the end.
  const KeyRow& set(std::string_view raw, KeyTable::index<ByRawKey>::type::iterator standing,
                    const RecordPlace& record, const SetCommand& command, uint32_t of_log,
                    std::vector<Change>& changes) {
    KeyRow row;
    row.set(raw, command.entry, command.form);
    row.partition = record.partition;
    row.offset = record.offset;
    row.timestamp_ms = record.timestamp_ms;
    row.log = of_log;
    // A row's texts are its index: it is replaced, not edited.
    std::optional<uint32_t> id;
    if (standing != keys.get<ByRawKey>().end()) {
      if (standing->offset == record.offset && standing->partition == record.partition) {
        // The same record once more: what was reported of it stays reported.
        row.never_connected_published = standing->never_connected_published;
        row.was_connected = standing->was_connected;
        row.disconnected_published = standing->disconnected_published;
      }
      const bool same_identity =
          standing->topic() == command.entry.topic && standing->channel() == command.entry.channel;
      const std::string topic(standing->topic()), channel(standing->channel());
      id = erase(standing);
      if (id && !same_identity) settle(topic, channel, std::exchange(id, std::nullopt), changes);
    }
    if (!id) {
      if (const KeyRow* effective = effective_row(command.entry.topic, command.entry.channel))
        id = effective->id;
    }
    const KeyRow& made = insert(std::move(row), raw);
    settle(command.entry.topic, command.entry.channel, id, changes);
    return made;
  }
};

CommandState::CommandState(TopicRule rule, size_t max_channels)
    : impl_(std::make_unique<Impl>(std::move(rule), max_channels)) {}
CommandState::~CommandState() = default;
CommandState::CommandState(CommandState&&) noexcept = default;
CommandState& CommandState::operator=(CommandState&&) noexcept = default;

void CommandState::apply(int32_t partition, int64_t offset, int64_t timestamp_ms,
                         std::optional<std::string_view> key, std::optional<std::string_view> value,
                         std::vector<Change>& changes) {
  Impl& self = *impl_;
  const RecordPlace place{partition, offset, timestamp_ms};
  const Command command = parse_command(key, value);
  const auto at = self.find_key(key.value_or(""));
  const bool known = at != self.keys.get<ByRawKey>().end();
  // A bad record changes nothing; what stood under its key lives on, also when the topic no longer holds it.
  const auto refuse = [&](std::string reason, std::optional<uint64_t> entry_hash = std::nullopt) {
    self.rejections.add(place, key, std::move(reason), entry_hash);
    if (known) at->log = self.log;
  };
  if (auto problem = self.refusal(command)) return refuse(*problem);
  const bool is_set = std::holds_alternative<SetCommand>(command);
  std::optional<RecordPlace> standing;
  if (known && self.is_seen(*at)) standing = {at->partition, at->offset, at->timestamp_ms};
  if (!is_set && !known) {
    std::optional<uint64_t> entry_hash;
    if (auto problem = self.misses(partition, offset, *key, entry_hash))
      return refuse(std::move(*problem), entry_hash);
  }
  if (is_set) {
    const auto& entry = std::get<SetCommand>(command).entry;
    if (self.is_full_for(entry, known ? &*at : nullptr)) {
      return refuse(fmt::format("there are {} entries already; raise commands.max_channels to take more",
                                self.effective));
    }
  }
  self.rejections.repaired(place, *key);
  if (!self.spread.counts(*key, place, is_set, standing)) return;
  if (is_set) {
    self.set(*key, at, place, std::get<SetCommand>(command), self.log, changes);
  } else if (known) {
    self.unset(at, changes);
  }
}

CommandState::Standing CommandState::look(const TopicRecord& record) {
  Impl& self = *impl_;
  const Command command = parse_command(record.key, record.value);
  if (self.refusal(command)) return Standing::refused;
  const auto* const set = std::get_if<SetCommand>(&command);
  // Which one of a key counts is not known before all partitions were read.
  if (set == nullptr || self.spread.expects_several()) return Standing::news;
  const auto at = self.find_key(*record.key);
  if (at == self.keys.get<ByRawKey>().end()) return Standing::news;
  if (at->partition != record.partition || at->offset != record.offset || !at->says(set->entry, set->form))
    return Standing::news;
  const RecordPlace place{record.partition, record.offset, record.timestamp_ms};
  self.rejections.repaired(place, *record.key);
  (void)self.spread.counts(*record.key, place, true, std::nullopt);
  at->log = self.log;
  at->timestamp_ms = record.timestamp_ms;
  return Standing::stands;
}

size_t CommandState::size() const {
  return impl_->effective;
}

size_t CommandState::keys() const {
  return impl_->keys.size();
}

std::optional<EntryRef> CommandState::find(EntryId id) const {
  if (id.value >= impl_->by_id.size() || impl_->by_id[id.value] == nullptr) return std::nullopt;
  return ref(*impl_->by_id[id.value]);
}

std::optional<EntryRef> CommandState::find(std::string_view topic, std::string_view channel) const {
  const KeyRow* row = impl_->effective_row(topic, channel);
  if (row == nullptr) return std::nullopt;
  return ref(*row);
}

std::vector<EntryRef> CommandState::of_channel(std::string_view channel) const {
  std::vector<EntryRef> entries;
  auto [begin, end] = impl_->keys.get<ByChannel>().equal_range(channel);
  for (; begin != end; ++begin)
    if (begin->effective) entries.push_back(ref(*begin));
  std::sort(entries.begin(), entries.end(),
            [](const EntryRef& a, const EntryRef& b) { return a.topic < b.topic; });
  return entries;
}

void CommandState::visit(const std::function<void(const EntryRef&)>& visitor) const {
  for (const KeyRow* row : impl_->by_id)
    if (row != nullptr) visitor(ref(*row));
}

bool CommandState::is_news(const EntryRef& known, uint32_t ledger_flags) {
  const auto says = [ledger_flags](uint32_t flag) { return (ledger_flags & flag) != 0; };
  if (says(ledger::kNeverConnectedPublished) && !known.never_connected_published) return true;
  if (!says(ledger::kWasConnected)) return false;
  return !known.was_connected || known.disconnected_published != says(ledger::kDisconnectedPublished);
}

bool CommandState::learn(EntryId id, uint32_t ledger_flags) {
  const auto known = find(id);
  if (!known || !is_news(*known, ledger_flags)) return false;
  const KeyRow& row = *impl_->by_id[id.value];
  row.never_connected_published |= (ledger_flags & ledger::kNeverConnectedPublished) != 0;
  if ((ledger_flags & ledger::kWasConnected) != 0) {
    row.was_connected = true;
    row.disconnected_published = (ledger_flags & ledger::kDisconnectedPublished) != 0;
  }
  return true;
}

void CommandState::read_log(uint64_t number, bool has_several_partitions) {
  const auto log = static_cast<uint32_t>(number + 1);
  if (has_several_partitions) impl_->spread.expect_several();
  if (impl_->log == log) return;
  impl_->log = log;
  impl_->rejections.forget();
  impl_->spread.begin(has_several_partitions);
}

uint64_t CommandState::rejected_total() const {
  return impl_->rejections.total();
}

const std::deque<Rejection>& CommandState::rejections() const {
  return impl_->rejections.standing();
}

size_t CommandState::split_keys() const {
  return impl_->spread.split();
}

std::optional<CommandState::SplitKey> CommandState::split_example() const {
  return impl_->spread.example();
}

namespace {

CommandState::LiveKey live_key(const KeyRow& row) {
  return {row.raw_key(),     row.entry(),
          row.form,          row.partition,
          row.offset,        row.never_connected_published,
          row.was_connected, row.disconnected_published};
}

}  // namespace

void CommandState::visit_keys(const std::function<void(const LiveKey&)>& visitor) const {
  for (const KeyRow& row : impl_->keys) visitor(live_key(row));
}

uint32_t CommandState::ids() const {
  return static_cast<uint32_t>(impl_->by_id.size());
}

void CommandState::begin_walk() {
  impl_->touched.emplace();
  impl_->walked_buckets = 0;
  impl_->buckets = impl_->keys.get<ByRawKey>().bucket_count();
}

CommandState::Walk CommandState::walk(size_t slice, const std::function<void(const LiveKey&)>& visitor) {
  const auto& index = impl_->keys.get<ByRawKey>();
  // A table that grew has them in other buckets.
  if (index.bucket_count() != impl_->buckets) {
    begin_walk();
    return Walk::begins_anew;
  }
  const size_t end = std::min(impl_->walked_buckets + slice, impl_->buckets);
  for (; impl_->walked_buckets < end; ++impl_->walked_buckets)
    for (auto at = index.begin(impl_->walked_buckets); at != index.end(impl_->walked_buckets); ++at)
      visitor(live_key(*at));
  return end == impl_->buckets ? Walk::done : Walk::goes_on;
}

std::vector<std::string> CommandState::end_walk() {
  std::vector<std::string> touched = std::move(*impl_->touched);
  impl_->touched.reset();
  std::ranges::sort(touched);
  touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
  return touched;
}

bool CommandState::is_walked() const {
  return impl_->touched.has_value();
}

std::optional<CommandState::LiveKey> CommandState::find_key(std::string_view raw_key) const {
  const auto found = impl_->find_key(raw_key);
  if (found == impl_->keys.get<ByRawKey>().end()) return std::nullopt;
  return live_key(*found);
}

void CommandState::restore(const LiveKey& key) {
  if (impl_->rule(key.entry.topic) || impl_->is_full_for(key.entry, nullptr)) return;
  std::vector<Change> changes;
  const KeyRow& row = impl_->set(key.raw_key, impl_->find_key(key.raw_key), {key.partition, key.offset, 0},
                                 {key.entry, key.form}, 0, changes);
  row.never_connected_published = key.never_connected_published;
  row.was_connected = key.was_connected;
  row.disconnected_published = key.disconnected_published;
}

void CommandState::discard(std::string_view raw_key) {
  std::vector<Change> changes;
  const auto found = impl_->find_key(raw_key);
  if (found != impl_->keys.get<ByRawKey>().end()) impl_->unset(found, changes);
}

void CommandState::clear() {
  impl_ = std::make_unique<Impl>(impl_->rule, impl_->max_channels);
}

void CommandState::expect(size_t keys) {
  const size_t most = std::min(keys, impl_->max_channels);
  if (most <= impl_->keys.size() || is_walked()) return;
  impl_->keys.get<ByRawKey>().reserve(most);
  impl_->keys.get<ByChannel>().reserve(most);
  impl_->by_id.reserve(most);
}

void CommandState::begin_retiring() {
  impl_->retired_buckets = 0;
}

bool CommandState::retire_unseen(size_t slice, bool may_remove, std::vector<Change>& changes) {
  Impl& self = *impl_;
  const auto& index = self.keys.get<ByRawKey>();
  const size_t end = self.retired_buckets + std::min(slice, index.bucket_count() - self.retired_buckets);
  std::vector<std::string> unseen;
  for (; self.retired_buckets < end; ++self.retired_buckets)
    for (auto at = index.begin(self.retired_buckets); at != index.end(self.retired_buckets); ++at)
      if (!self.is_seen(*at)) unseen.push_back(at->raw_key());
  for (const std::string& raw : unseen) {
    const auto at = self.find_key(raw);
    if (may_remove) {
      self.unset(at, changes);
    } else if (at->effective) {
      self.settle(std::string(at->topic()), std::string(at->channel()), at->id, changes);
    }
  }
  return end == index.bucket_count();
}

}  // namespace e2k::supervisor
