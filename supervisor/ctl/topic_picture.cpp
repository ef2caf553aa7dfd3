#include "supervisor/ctl/topic_picture.h"

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>
#include <utility>

namespace e2k::supervisor::ctl {
namespace {

auto identity(const EntrySpec& entry) {
  return std::tie(entry.channel, entry.topic);
}

// The channel that a key names by itself, whatever its value.
EntrySpec named_by(const std::string& key) {
  const Command command = parse_command(key, R"({"topic":"t","mask":"v"})");
  const auto* set = std::get_if<SetCommand>(&command);
  if (set == nullptr) return {};
  EntrySpec named = set->entry;
  if (set->form == KeyForm::plain) named.topic.clear();
  return named;
}

}  // namespace

TopicPicture::TopicPicture(std::vector<TopicRecord> records, const std::string& command_topic)
    : records_(std::move(records)), reasons_(records_.size()) {
  CommandState state([&](std::string_view topic) { return topic_name_problem(topic, command_topic); },
                     std::numeric_limits<uint32_t>::max());
  std::vector<Change> changes;
  for (size_t i = 0; i < records_.size(); ++i) {
    const TopicRecord& r = records_[i];
    const uint64_t before = state.rejected_total();
    changes.clear();
    state.apply(r.partition, r.offset, 0, r.key, r.value, changes);
    if (state.rejected_total() != before) reasons_[i] = state.rejections().back().reason;
    if (r.key) keys_[*r.key].last = i;
  }
  state.visit_keys([&](const CommandState::LiveKey& live) {
    Key& key = keys_[live.raw_key];
    key.live = live.entry;
    key.form = live.form;
    const auto effective = state.find(live.entry.topic, live.entry.channel);
    if (effective->offset == live.offset && effective->partition == live.partition)
      entries_.push_back({live.entry, live.form, live.raw_key, live.partition, live.offset});
  });
  for (auto at = keys_.begin(); at != keys_.end(); ++at) {
    Key& key = at->second;
    if (!records_[key.last].value) continue;
    const EntrySpec meant = key.live ? *key.live : named_by(at->first);
    key.topic = meant.topic;
    keys_of_[meant.channel].push_back(at);
  }
  std::sort(entries_.begin(), entries_.end(),
            [](const Entry& a, const Entry& b) { return identity(a.spec) < identity(b.spec); });
}

const TopicPicture::Entry* TopicPicture::find(const std::string& topic, const std::string& channel) const {
  const auto sought = std::tie(channel, topic);
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), sought,
                                   [](const Entry& e, const auto& s) { return identity(e.spec) < s; });
  return at != entries_.end() && identity(at->spec) == sought ? &*at : nullptr;
}

std::vector<TopicPicture::Listed> TopicPicture::all() const {
  using Standing = Listed::Standing;
  std::set<std::pair<int32_t, int64_t>> standing_records;
  for (const Entry& entry : entries_) standing_records.emplace(entry.partition, entry.offset);
  std::vector<Listed> listed;
  for (size_t i = 0; i < records_.size(); ++i) {
    const TopicRecord& r = records_[i];
    Standing standing = Standing::superseded;
    if (!reasons_[i].empty())
      standing = Standing::bad;
    else if (standing_records.contains({r.partition, r.offset}))
      standing = Standing::effective;
    else if (!r.value)
      standing = Standing::removed;
    listed.push_back({standing, &r, reasons_[i]});
  }
  return listed;
}

std::optional<KeyForm> TopicPicture::form() const {
  size_t plain = 0, json = 0;
  for (const auto& [raw, key] : keys_)
    if (key.live) ++(key.form == KeyForm::plain ? plain : json);
  if (plain + json == 0) return std::nullopt;
  return plain > json ? KeyForm::plain : KeyForm::json;
}

TopicWrite TopicPicture::write_of(const EntrySpec& entry, KeyForm form) const {
  if (const Entry* standing = find(entry.topic, entry.channel))
    return {standing->raw_key, command_value(entry, standing->form), standing->partition};
  std::string raw = command_key(entry, form);
  if (form == KeyForm::plain) {
    const auto taken = keys_.find(raw);
    // A channel whose name reads as a JSON key has no plain one.
    const bool other = taken != keys_.end() && taken->second.live && taken->second.live->topic != entry.topic;
    if (other || named_by(raw).channel != entry.channel) {
      form = KeyForm::json;
      raw = command_key(entry, form);
    }
  }
  TopicWrite write{raw, command_value(entry, form), std::nullopt};
  if (const auto known = keys_.find(raw); known != keys_.end())
    write.partition = records_[known->second.last].partition;
  return write;
}

std::vector<TopicWrite> TopicPicture::tombstones(const std::string& channel,
                                                 const std::optional<std::string>& topic) const {
  std::vector<TopicWrite> writes;
  const auto known = keys_of_.find(channel);
  if (known == keys_of_.end()) return writes;
  for (const auto& at : known->second)
    if (!topic || at->second.topic == *topic)
      writes.push_back({at->first, std::nullopt, records_[at->second.last].partition});
  return writes;
}

Difference difference(const TopicPicture& picture, const std::vector<SetCommand>& wanted, KeyForm form,
                      bool prune) {
  Difference result;
  std::set<std::pair<std::string, std::string>> kept;
  std::set<std::string> plain_taken;  // by this import's own new entries
  for (const SetCommand& command : wanted) {
    const EntrySpec& entry = command.entry;
    kept.emplace(entry.channel, entry.topic);
    const auto* standing = picture.find(entry.topic, entry.channel);
    if (standing != nullptr && standing->spec == entry) {
      ++result.unchanged;
      continue;
    }
    if (standing != nullptr)
      result.changed.push_back({standing->spec, entry});
    else
      result.added.push_back(entry);
    const bool clash =
        standing == nullptr && form == KeyForm::plain && !plain_taken.insert(entry.channel).second;
    result.writes.push_back(picture.write_of(entry, clash ? KeyForm::json : form));
  }
  if (!prune) return result;
  for (const auto& entry : picture.entries()) {
    if (kept.contains({entry.spec.channel, entry.spec.topic})) continue;
    result.removed.push_back(entry.spec);
    for (TopicWrite& write : picture.tombstones(entry.spec.channel, entry.spec.topic))
      result.deletes.push_back(std::move(write));
  }
  return result;
}

}  // namespace e2k::supervisor::ctl
