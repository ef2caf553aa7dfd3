#include "supervisor/quarantine/quarantine.h"

#include <fmt/format.h>

#include <algorithm>
#include <msgpack.hpp>
#include <utility>

#include "proto/command_record.h"
#include "proto/msgpack_fields.h"

namespace e2k::supervisor {
namespace {

// Version ledger:   1  first
constexpr uint32_t kVersion = 1;
constexpr uint32_t kMost = 1'000'000;
constexpr size_t kThreadBytes = 64;
constexpr size_t kEvidenceKept = 8;  // of a channel, the newest
constexpr size_t kExamples = 3;

using Packer = msgpack::packer<msgpack::sbuffer>;

void pack(Packer& out, const Evidence& one) {
  out.pack_array(7);
  out.pack(one.slot.value).pack(one.generation.value).pack(one.signal).pack(one.at.value);
  out.pack(one.thread).pack(one.log).pack(one.position);
}

bool take(const msgpack::object& object, Evidence& one) {
  wire::Fields fields(object);
  fields.take(one.slot);
  fields.take(one.generation);
  fields.take(one.signal);
  fields.take(one.at.value);
  fields.take(one.thread, kThreadBytes);
  fields.take(one.log);
  fields.take(one.position);
  return fields.ok();
}

bool take(const msgpack::object& object, Quarantined& channel) {
  wire::Fields fields(object);
  fields.take(channel.channel, kMaxChannelNameBytes);
  fields.take(channel.since.value);
  const msgpack::object* list = fields.next();
  if (!fields.ok() || list->type != msgpack::type::ARRAY || channel.channel.empty()) return false;
  for (uint32_t i = 0; i < list->via.array.size; ++i)
    if (!take(list->via.array.ptr[i], channel.evidence.emplace_back())) return false;
  if (fields.more()) fields.take(channel.command_offset);
  return fields.ok();
}

}  // namespace

void Quarantine::add(Quarantined channel) {
  const auto [found, is_new] = channels_.try_emplace(channel.channel, channel);
  std::vector<Evidence>& evidence = found->second.evidence;
  if (!is_new) evidence.insert(evidence.end(), channel.evidence.begin(), channel.evidence.end());
  if (evidence.size() > kEvidenceKept) evidence.erase(evidence.begin(), evidence.end() - kEvidenceKept);
}

bool Quarantine::remove(std::string_view channel) {
  const auto found = channels_.find(channel);
  if (found == channels_.end()) return false;
  channels_.erase(found);
  return true;
}

const Quarantined* Quarantine::find(std::string_view channel) const {
  if (channels_.empty()) return nullptr;
  const auto found = channels_.find(channel);
  return found == channels_.end() ? nullptr : &found->second;
}

std::string Quarantine::problem() const {
  if (channels_.empty()) return "";
  std::string text =
      fmt::format("{} quarantined, because workers ended over {}: ",
                  channels_.size() == 1 ? "1 channel is" : fmt::format("{} channels are", channels_.size()),
                  channels_.size() == 1 ? "it" : "them");
  size_t shown = 0;
  for (const auto& [name, channel] : channels_) {
    if (shown == kExamples) break;
    text += fmt::format("{}{}", shown++ == 0 ? "" : "; ", name);
    if (!channel.evidence.empty()) text += ", " + text_of(channel.evidence.back());
  }
  return text +
         ". What is received of them stops, what was received waits. Mend the IOC or the converter, then "
         "epics2kafkactl retry NAME; epics2kafkactl channels --state quarantined lists them";
}

std::string Quarantine::encode() const {
  msgpack::sbuffer buffer;
  Packer out(buffer);
  out.pack_array(2);
  out.pack(kVersion);
  out.pack_array(static_cast<uint32_t>(channels_.size()));
  for (const auto& [name, channel] : channels_) {
    out.pack_array(4);
    out.pack(name).pack(channel.since.value);
    out.pack_array(static_cast<uint32_t>(channel.evidence.size()));
    for (const Evidence& one : channel.evidence) pack(out, one);
    out.pack(channel.command_offset);
  }
  return std::string(buffer.data(), buffer.size());
}

Result<Quarantine> Quarantine::decode(std::string_view bytes) {
  auto handle = wire::parse(bytes, msgpack::unpack_limit(kMost, 0, kMaxChannelNameBytes, 0, 0, 6));
  if (!handle) return tl::unexpected(handle.error());
  wire::Fields fields(handle->get());
  uint32_t version = 0;
  fields.take(version);
  const msgpack::object* list = fields.next();
  if (!fields.ok() || version == 0 || list->type != msgpack::type::ARRAY)
    return fail("it is no list of quarantined channels");
  Quarantine quarantine;
  for (uint32_t i = 0; i < list->via.array.size; ++i) {
    Quarantined channel;
    if (!take(list->via.array.ptr[i], channel)) return fail(fmt::format("its channel {} is spoilt", i));
    quarantine.add(std::move(channel));
  }
  return quarantine;
}

}  // namespace e2k::supervisor
