#include "proto/control_message.h"

#include <algorithm>

#include "proto/msgpack_fields.h"

namespace e2k {
namespace {

// Numbers on the wire. Given by hand, never used again.
enum class Type : uint32_t {
  hello = 1,
  applied = 2,
  heartbeat = 3,
  goodbye = 4,
  welcome = 16,
  assign = 17,
  ping = 18,
  stop = 19,
  set_log_level = 20,
  set_paused = 21,
  greet = 22,
  set_held = 23,
  set_spool_share = 24,
};
enum class ItemKind : uint32_t { add = 0, remove = 1, add_held = 2, release = 3 };

constexpr size_t kMaxTextBytes = 4096;      // tokens, versions, librdkafka's words
constexpr size_t kMaxKeyBytes = 8u << 20;   // a record key; the message's own limit comes before it
constexpr uint32_t kNeverConnectedBit = 1;  // of an added entry's flags
constexpr uint32_t kWasConnectedBit = 2;
constexpr uint32_t kDisconnectedBit = 4;  // a worker that does not know it leaves it alone
constexpr uint32_t kUnservedBit = 8;      // likewise

std::string text_of(const msgpack::sbuffer& buffer) {
  return std::string(buffer.data(), buffer.size());
}

struct Packer : msgpack::packer<msgpack::sbuffer> {
  Packer(msgpack::sbuffer& buffer, uint32_t written_in)
      : msgpack::packer<msgpack::sbuffer>(buffer), version(written_in) {}
  const uint32_t version;
};

// The head of a message with `fields` more elements.
void pack_head(Packer& p, Type type, uint32_t fields) {
  p.pack_array(2 + fields);
  p.pack_uint32(p.version);
  p.pack_uint32(static_cast<uint32_t>(type));
}

void pack(Packer& p, const Hello& m) {
  pack_head(p, Type::hello, 9);
  p.pack(m.slot.value)
      .pack(m.generation.value)
      .pack(m.pid)
      .pack(m.token)
      .pack(m.program_version)
      .pack(m.libca);
  p.pack(m.conversation).pack(m.serves).pack(m.is_leaving);
}
void pack(Packer& p, const Applied& m) {
  pack_head(p, Type::applied, 1);
  p.pack(m.number);
}
void pack(Packer& p, const Heartbeat& m) {
  pack_head(p, Type::heartbeat, 10);
  p.pack(m.applied_number).pack(m.ca_turns).pack(m.publish_turns).pack(m.kafka_error).pack(m.brokers_up);
  p.pack(m.schema_problem.substr(0, kMaxTextBytes)).pack(m.address_problem.substr(0, kMaxTextBytes));
  p.pack(m.searched.substr(0, kMaxTextBytes)).pack(m.beacon_servers).pack(m.beacon_of);
}
void pack(Packer& p, const Goodbye& m) {
  pack_head(p, Type::goodbye, 1);
  p.pack(m.waiting_events);
}
void pack(Packer& p, const Welcome& m) {
  pack_head(p, Type::welcome, 3);
  p.pack(m.conversation).pack(m.lease_s).pack(m.drain_timeout_ms);
}
void pack(Packer& p, const AddEntry& item) {
  p.pack_array(8);
  p.pack(static_cast<uint32_t>(item.held ? ItemKind::add_held : ItemKind::add)).pack(item.index.value);
  p.pack(item.entry.topic).pack(item.entry.channel).pack(item.entry.mask.bits).pack(item.entry.key);
  p.pack((item.never_connected_published ? kNeverConnectedBit : 0) |
         (item.was_connected ? kWasConnectedBit : 0) | (item.disconnected_published ? kDisconnectedBit : 0) |
         (item.unserved ? kUnservedBit : 0));
  // 0: none
  p.pack(item.replaces ? uint64_t{item.replaces->value} + 1 : uint64_t{0});
}
void pack(Packer& p, const RemoveEntry& item) {
  p.pack_array(2);
  p.pack(static_cast<uint32_t>(ItemKind::remove)).pack(item.index.value);
}
void pack(Packer& p, const ReleaseEntry& item) {
  p.pack_array(4);
  p.pack(static_cast<uint32_t>(ItemKind::release)).pack(item.index.value);
  p.pack(item.after_stamp).pack(item.after_hash);
}
void pack(Packer& p, const Assign& m) {
  pack_head(p, Type::assign, 2);
  p.pack(m.number);
  p.pack_array(static_cast<uint32_t>(m.items.size()));
  for (const AssignItem& item : m.items) std::visit([&](const auto& i) { pack(p, i); }, item);
}
void pack(Packer& p, const Ping&) {
  pack_head(p, Type::ping, 0);
}
void pack(Packer& p, const Stop& m) {
  pack_head(p, Type::stop, 1);
  p.pack(m.drain_timeout_ms);
}
void pack(Packer& p, const SetLogLevel& m) {
  pack_head(p, Type::set_log_level, 1);
  p.pack(m.level);
}
void pack(Packer& p, const SetPaused& m) {
  pack_head(p, Type::set_paused, 1);
  p.pack(m.paused);
}
void pack(Packer& p, const Greet& m) {
  pack_head(p, Type::greet, 1);
  p.pack(m.conversation);
}
void pack(Packer& p, const SetHeld& m) {
  pack_head(p, Type::set_held, 1);
  p.pack(m.channels);
}
void pack(Packer& p, const SetSpoolShare& m) {
  pack_head(p, Type::set_spool_share, 1);
  p.pack(m.max_bytes);
}

template <class Message>
std::string encode_any(const Message& message, uint32_t version) {
  msgpack::sbuffer buffer;
  Packer packer(buffer, std::min(version, kControlVersion));
  std::visit([&](const auto& m) { pack(packer, m); }, message);
  return text_of(buffer);
}

void take(wire::Fields& f, Hello& m) {
  f.take(m.slot);
  f.take(m.generation);
  f.take(m.pid);
  f.take(m.token, kMaxTextBytes);
  f.take(m.program_version, kMaxTextBytes);
  if (f.more()) f.take(m.libca, kMaxTextBytes);  // workers of an older release do not tell
  if (f.more()) f.take(m.conversation);
  if (f.more()) f.take(m.serves);
  if (f.more()) f.take(m.is_leaving);
}
void take(wire::Fields& f, Applied& m) {
  f.take(m.number);
}
void take(wire::Fields& f, Heartbeat& m) {
  f.take(m.applied_number);
  f.take(m.ca_turns);
  f.take(m.publish_turns);
  f.take(m.kafka_error, kMaxTextBytes);
  f.take(m.brokers_up);
  f.take(m.schema_problem, kMaxTextBytes);
  f.take(m.address_problem, kMaxTextBytes);
  if (f.more()) f.take(m.searched, kMaxTextBytes);
  if (f.more()) f.take(m.beacon_servers);
  if (f.more()) f.take(m.beacon_of, kMaxTextBytes);
}
void take(wire::Fields& f, Goodbye& m) {
  f.take(m.waiting_events);
}
void take(wire::Fields& f, Welcome& m) {
  if (f.more()) f.take(m.conversation);
  if (f.more()) f.take(m.lease_s);
  if (f.more()) f.take(m.drain_timeout_ms);
}
void take(wire::Fields&, Ping&) {}
void take(wire::Fields& f, Stop& m) {
  f.take(m.drain_timeout_ms);
}
void take(wire::Fields& f, SetLogLevel& m) {
  f.take(m.level, kMaxTextBytes);
}
void take(wire::Fields& f, SetPaused& m) {
  f.take(m.paused);
}
void take(wire::Fields& f, Greet& m) {
  f.take(m.conversation);
}
void take(wire::Fields& f, SetHeld& m) {
  f.take(m.channels, kMaxKeyBytes);
}
void take(wire::Fields& f, SetSpoolShare& m) {
  f.take(m.max_bytes);
}

// false: the item is none.
bool take_item(const msgpack::object& object, std::vector<AssignItem>& items) {
  wire::Fields f(object);
  ItemKind kind = ItemKind::add;
  f.take_enum(kind, ItemKind::release);
  if (kind == ItemKind::remove) {
    RemoveEntry item;
    f.take(item.index);
    if (f.ok()) items.emplace_back(item);
    return f.ok();
  }
  if (kind == ItemKind::release) {
    ReleaseEntry item;
    f.take(item.index);
    f.take(item.after_stamp);
    f.take(item.after_hash);
    if (f.ok()) items.emplace_back(item);
    return f.ok();
  }
  AddEntry item;
  item.held = kind == ItemKind::add_held;
  uint32_t flags = 0;
  uint64_t replaces_plus_one = 0;
  f.take(item.index);
  f.take(item.entry.topic, kMaxTopicBytes);
  f.take(item.entry.channel, kMaxChannelNameBytes);
  f.take(item.entry.mask.bits);
  f.take(item.entry.key, kMaxKeyBytes);
  f.take(flags);
  f.take(replaces_plus_one);
  if (replaces_plus_one > uint64_t{UINT32_MAX} + 1) return false;
  if (replaces_plus_one != 0) item.replaces = EntryIndex{static_cast<uint32_t>(replaces_plus_one - 1)};
  // A mask of 0 makes an IOC drop its whole circuit; one beyond the four bits is nothing that we send.
  if (item.entry.mask.bits == 0 || item.entry.mask.bits > 15) return false;
  item.never_connected_published = (flags & kNeverConnectedBit) != 0;
  item.was_connected = (flags & kWasConnectedBit) != 0;
  item.disconnected_published = (flags & kDisconnectedBit) != 0;
  item.unserved = (flags & kUnservedBit) != 0;
  if (f.ok()) items.emplace_back(std::move(item));
  return f.ok();
}
void take(wire::Fields& f, Assign& m) {
  f.take(m.number);
  const msgpack::object* list = f.next();
  if (list == nullptr) return;
  if (list->type != msgpack::type::ARRAY || list->via.array.size > kMaxAssignItems) return f.wrong();
  m.items.reserve(list->via.array.size);
  for (uint32_t i = 0; i < list->via.array.size; ++i) {
    if (!take_item(list->via.array.ptr[i], m.items)) return f.wrong();
  }
}

// Takes the rest of the message as an M. Elements behind the known ones are left alone.
template <class M, class Message>
Result<Message> take_as(wire::Fields& f) {
  M message;
  take(f, message);
  if (!f.ok()) {
    return fail("control message: element " + std::to_string(f.place()) + " is missing or out of range");
  }
  return Message(std::move(message));
}

struct Opened {
  msgpack::object_handle handle;
  uint32_t version = 0;
  uint32_t type = 0;
};
Result<Opened> open(std::string_view bytes) {
  if (bytes.size() > kMaxControlMessageBytes) return fail("control message: too large");
  // array, map, str, bin, ext, depth: an Assign's list of lists is the deepest thing there is.
  const msgpack::unpack_limit limit(kMaxAssignItems, 0, kMaxKeyBytes, 0, 0, 4);
  auto handle = wire::parse(bytes, limit);
  if (!handle) return fail("control message: " + handle.error().message);
  wire::Fields f(handle->get());
  Opened opened;
  f.take(opened.version);
  f.take(opened.type);
  if (!f.ok()) return fail("control message: it does not begin with version and type");
  if (opened.version < kOldestControlVersion) {
    return fail("control message: version " + std::to_string(opened.version) + ", understood are " +
                std::to_string(kOldestControlVersion) + " and later");
  }
  opened.handle = std::move(*handle);
  return opened;
}
// The elements behind version and type.
wire::Fields body(const Opened& opened) {
  wire::Fields f(opened.handle.get());
  f.next();
  f.next();
  return f;
}

tl::unexpected<Error> unknown(uint32_t type) {
  return fail("control message: type " + std::to_string(type) + " is not one of this side's");
}

}  // namespace

std::string encode(const WorkerMessage& message, uint32_t version) {
  return encode_any(message, version);
}
std::string encode(const SupervisorMessage& message, uint32_t version) {
  return encode_any(message, version);
}

Result<WorkerMessage> decode_worker_message(std::string_view bytes) {
  auto opened = open(bytes);
  if (!opened) return tl::unexpected(opened.error());
  wire::Fields f = body(*opened);
  if (opened->type == uint32_t(Type::hello)) {
    auto hello = take_as<Hello, WorkerMessage>(f);
    if (hello) std::get<Hello>(*hello).control_version = opened->version;
    return hello;
  }
  if (opened->type == uint32_t(Type::applied)) return take_as<Applied, WorkerMessage>(f);
  if (opened->type == uint32_t(Type::heartbeat)) return take_as<Heartbeat, WorkerMessage>(f);
  if (opened->type == uint32_t(Type::goodbye)) return take_as<Goodbye, WorkerMessage>(f);
  return unknown(opened->type);
}

Result<SupervisorMessage> decode_supervisor_message(std::string_view bytes) {
  auto opened = open(bytes);
  if (!opened) return tl::unexpected(opened.error());
  wire::Fields f = body(*opened);
  if (opened->type == uint32_t(Type::welcome)) return take_as<Welcome, SupervisorMessage>(f);
  if (opened->type == uint32_t(Type::assign)) return take_as<Assign, SupervisorMessage>(f);
  if (opened->type == uint32_t(Type::ping)) return take_as<Ping, SupervisorMessage>(f);
  if (opened->type == uint32_t(Type::stop)) return take_as<Stop, SupervisorMessage>(f);
  if (opened->type == uint32_t(Type::set_log_level)) return take_as<SetLogLevel, SupervisorMessage>(f);
  if (opened->type == uint32_t(Type::set_paused)) return take_as<SetPaused, SupervisorMessage>(f);
  if (opened->type == uint32_t(Type::set_held)) return take_as<SetHeld, SupervisorMessage>(f);
  if (opened->type == uint32_t(Type::set_spool_share)) return take_as<SetSpoolShare, SupervisorMessage>(f);
  if (opened->type == uint32_t(Type::greet)) return take_as<Greet, SupervisorMessage>(f);
  if (opened->version > kControlVersion) return SupervisorMessage(Ping{});
  return unknown(opened->type);
}

}  // namespace e2k
