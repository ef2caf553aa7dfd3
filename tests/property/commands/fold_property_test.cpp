// The law of the command state: with valid records  fold(compact(log)) = fold(log).
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>
#include <string>
#include <tuple>

#include "supervisor/commands/command_state.h"

namespace e2k::supervisor {
namespace {

struct Record {
  int64_t offset;
  std::string key;
  std::optional<std::string> value;
};

// Few channels, topics and spellings, so that keys collide and identities have several keys.
std::vector<Record> any_log() {
  std::vector<Record> log;
  const int count = *rc::gen::inRange(0, 60);
  for (int64_t i = 0; i < count; ++i) {
    const std::string channel = "c" + std::to_string(*rc::gen::inRange(0, 4));
    const std::string topic = "t" + std::to_string(*rc::gen::inRange(0, 3));
    const int form = *rc::gen::inRange(0, 3);
    const std::string mask = *rc::gen::element<std::string>("v", "a", "va", "lp");
    Record record{i, channel, std::nullopt};
    std::string value = R"({"topic":")" + topic + R"(","mask":")" + mask + R"("})";
    if (form == 1) record.key = R"({"topic":")" + topic + R"(","channel":")" + channel + R"("})";
    if (form == 2) record.key = R"({"channel":")" + channel + R"(","topic":")" + topic + R"("})";
    if (form != 0) value = R"({"mask":")" + mask + R"("})";
    if (*rc::gen::inRange(0, 4) != 0) record.value = value;
    log.push_back(record);
  }
  return log;
}

// Kafka's compaction: of each key the last record stays, in the order of offsets; tombstones may go too.
std::vector<Record> compact(const std::vector<Record>& log, bool drop_tombstones) {
  std::map<std::string, int64_t> last;
  for (const Record& record : log) last[record.key] = record.offset;
  std::vector<Record> kept;
  for (const Record& record : log)
    if (last[record.key] == record.offset && (record.value || !drop_tombstones)) kept.push_back(record);
  return kept;
}

using Entries = std::set<std::tuple<std::string, std::string, std::string, std::string, int64_t>>;

Entries entries_of(const CommandState& state) {
  Entries entries;
  state.visit([&](const EntryRef& e) {
    entries.emplace(e.topic, e.channel, to_letters(e.mask), std::string(e.key), e.offset);
  });
  return entries;
}

CommandState fold(const std::vector<Record>& log) {
  CommandState state([](std::string_view) { return std::nullopt; }, 1000);
  std::vector<Change> changes;
  for (const Record& record : log)
    state.apply(0, record.offset, 0, record.key,
                record.value ? std::optional<std::string_view>(*record.value) : std::nullopt, changes);
  return state;
}

RC_GTEST_PROP(CommandState, fold_of_the_compacted_log_is_fold_of_the_log, ()) {
  const auto log = any_log();
  const bool drop_tombstones = *rc::gen::arbitrary<bool>();
  RC_ASSERT(entries_of(fold(log)) == entries_of(fold(compact(log, drop_tombstones))));
}

RC_GTEST_PROP(CommandState, compaction_of_any_beginning_changes_nothing, ()) {
  const auto log = any_log();
  const auto cut = static_cast<std::ptrdiff_t>(*rc::gen::inRange<size_t>(0, log.size() + 1));
  auto mixed = compact({log.begin(), log.begin() + cut}, false);
  mixed.insert(mixed.end(), log.begin() + cut, log.end());
  RC_ASSERT(entries_of(fold(mixed)) == entries_of(fold(log)));
}

RC_GTEST_PROP(CommandState, the_changes_told_lead_from_nothing_to_what_stands, ()) {
  const auto log = any_log();
  CommandState state([](std::string_view) { return std::nullopt; }, 1000);
  std::set<uint32_t> standing;
  for (const Record& record : log) {
    std::vector<Change> changes;
    state.apply(0, record.offset, 0, record.key,
                record.value ? std::optional<std::string_view>(*record.value) : std::nullopt, changes);
    for (const Change& change : changes) {
      switch (change.kind) {
        case Change::Kind::added:
          RC_ASSERT(standing.insert(change.id.value).second);
          break;
        case Change::Kind::changed:
          RC_ASSERT(standing.contains(change.id.value));
          break;
        case Change::Kind::removed:
          RC_ASSERT(standing.erase(change.id.value) == 1u);
          break;
      }
    }
    RC_ASSERT(standing.size() == state.size());
    for (uint32_t id : standing) RC_ASSERT(state.find(EntryId{id}).has_value());
  }
}

RC_GTEST_PROP(CommandState, restoring_a_snapshot_and_reading_the_log_again_is_the_fold_of_the_log, ()) {
  const auto log = any_log();
  const auto cut = static_cast<std::ptrdiff_t>(*rc::gen::inRange<size_t>(0, log.size() + 1));
  const CommandState before = fold({log.begin(), log.begin() + cut});
  CommandState state([](std::string_view) { return std::nullopt; }, 1000);
  before.visit_keys([&](const CommandState::LiveKey& key) { state.restore(key); });
  RC_ASSERT(entries_of(state) == entries_of(before));
  std::vector<Change> changes;
  for (const Record& record : compact(log, true))
    state.apply(0, record.offset, 0, record.key, *record.value, changes);
  state.begin_retiring();
  const auto slice = *rc::gen::inRange<size_t>(1, 20);
  while (!state.retire_unseen(slice, true, changes)) {
  }
  RC_ASSERT(entries_of(state) == entries_of(fold(log)));
}

}  // namespace
}  // namespace e2k::supervisor
