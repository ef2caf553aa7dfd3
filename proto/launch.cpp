#include "proto/launch.h"

#include "proto/msgpack_fields.h"

namespace e2k {
namespace {

constexpr size_t kMaxLaunchBytes = 4u << 20;
constexpr uint32_t kFields = 37;  // the version counted

// Calls `visit` with every field in the order of the wire. One list for both directions, so that they can't
// drift apart.
template <class Contract, class Visit>
void each_field(Contract& c, Visit&& visit) {
  visit(c.slot);
  visit(c.generation);
  visit(c.token);
  visit(c.endpoint);
  visit(c.supervisor_pid);
  visit(c.instance);
  visit(c.log_level);
  visit(c.ledger_path);
  visit(c.spool_path);
  visit(c.spool_max_bytes);
  visit(c.spool_keep_free_bytes);
  visit(c.max_event_bytes);
  visit(c.when_full);
  visit(c.spool_sync_interval_ms);
  visit(c.fresh_books);
  visit(c.estates);
  visit(c.paused);
  visit(c.held_channels);
  visit(c.producer);
  visit(c.epics);
  visit(c.timestamp);
  visit(c.max_future_s);
  visit(c.max_past_s);
  visit(c.min_interval_ms);
  visit(c.never_connected_after_s);
  visit(c.topic_prefix);
  visit(c.stamp_header);
  visit(c.connection_events);
  visit(c.name_encoding);
  visit(c.value_converter);
  visit(c.value_schema);
  visit(c.value_options);
  visit(c.key_converter);
  visit(c.key_options);
  visit(c.lease_s);
  visit(c.drain_timeout_ms);
}

struct Writer {
  msgpack::packer<msgpack::sbuffer>& packer;

  template <class Tag, class Rep>
  void operator()(const Id<Tag, Rep>& id) {
    packer.pack(id.value);
  }
  void operator()(const std::string& text) { packer.pack(text); }
  void operator()(const std::map<std::string, std::string>& map) { packer.pack(map); }
  template <std::integral T>
  void operator()(T number) {
    packer.pack(number);
  }
  void operator()(const std::vector<Estate>& estates) {
    packer.pack_array(static_cast<uint32_t>(estates.size() * 2));
    for (const Estate& e : estates) packer.pack(e.slot.value).pack(e.ledger_path);
  }
  void operator()(WhenFull value) { packer.pack(static_cast<uint32_t>(value)); }
  void operator()(TimestampSource value) { packer.pack(static_cast<uint32_t>(value)); }
  void operator()(NameEncoding value) { packer.pack(static_cast<uint32_t>(value)); }
};

struct Reader {
  wire::Fields& fields;

  template <class T>
  void operator()(T& out) {
    fields.take(out);
  }
  void operator()(std::vector<Estate>& out) {
    const msgpack::object* list = fields.next();
    if (list == nullptr) return;
    if (list->type != msgpack::type::ARRAY || list->via.array.size % 2 != 0) return fields.wrong();
    wire::Fields items(*list);
    for (uint32_t i = 0; i < list->via.array.size / 2; ++i) {
      Estate e;
      items.take(e.slot);
      items.take(e.ledger_path);
      if (!items.ok()) return fields.wrong();
      out.push_back(std::move(e));
    }
  }
  void operator()(WhenFull& out) { fields.take_enum(out, WhenFull::drop_newest); }
  void operator()(TimestampSource& out) { fields.take_enum(out, TimestampSource::arrival); }
  void operator()(NameEncoding& out) { fields.take_enum(out, NameEncoding::latin1); }
};

}  // namespace

std::string encode(const LaunchContract& contract) {
  msgpack::sbuffer buffer;
  msgpack::packer<msgpack::sbuffer> packer(buffer);
  packer.pack_array(kFields);
  packer.pack_uint32(kLaunchVersion);
  each_field(contract, Writer{packer});
  return std::string(buffer.data(), buffer.size());
}

Result<LaunchContract> decode_launch(std::string_view bytes) {
  if (bytes.size() > kMaxLaunchBytes) return fail("launch contract: too large");
  // array, map, str, bin, ext, depth
  auto handle = wire::parse(bytes, msgpack::unpack_limit(64, 4096, 3u << 20, 0, 0, 3));
  if (!handle) return fail("launch contract: " + handle.error().message);
  wire::Fields fields(handle->get());
  uint32_t version = 0;
  fields.take(version);
  if (!fields.ok()) return fail("launch contract: it does not begin with a version");
  if (version != kLaunchVersion) {
    return fail("launch contract: version " + std::to_string(version) + ", this worker understands " +
                std::to_string(kLaunchVersion) + "; install supervisor and worker of one release");
  }
  LaunchContract contract;
  each_field(contract, Reader{fields});
  if (!fields.ok()) {
    return fail("launch contract: element " + std::to_string(fields.place()) + " is missing or out of range");
  }
  return contract;
}

}  // namespace e2k
