#include "worker/plugin/plugin_encoder.h"

#include <epics2kafka/converter.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "common/log.h"
#include "common/text.h"
#include "worker/plugin/plugin_library.h"

namespace e2k::worker {
namespace {

constexpr size_t kErrorBytes = 512;
constexpr size_t kMaxSchemaBytes = 1u << 20;
// The most that librdkafka's message.max.bytes may be.
constexpr size_t kMaxValueBytes = 1'000'000'000;

static_assert(E2K_DBR_STRING == static_cast<int>(DbrType::string));
static_assert(E2K_DBR_SHORT == static_cast<int>(DbrType::int16));
static_assert(E2K_DBR_FLOAT == static_cast<int>(DbrType::float32));
static_assert(E2K_DBR_ENUM == static_cast<int>(DbrType::enum16));
static_assert(E2K_DBR_CHAR == static_cast<int>(DbrType::char8));
static_assert(E2K_DBR_LONG == static_cast<int>(DbrType::int32));
static_assert(E2K_DBR_DOUBLE == static_cast<int>(DbrType::float64));
static_assert(E2K_DBR_STRING_BYTES == kDbrStringBytes);

[[noreturn]] void end_process(const std::string& label, std::string_view what) {
  log::error("plugin.fault plugin={} reason={}", log::quoted(label), log::quoted(what));
  std::abort();
}

// What stands behind the e2k_buffer of one encode().
struct Room {
  Buffer& out;
  size_t begin;      // of this value in `out`
  size_t available;  // reserved and not committed
  const std::string& label;
};

void* reserve(e2k_buffer* buffer, size_t bytes) noexcept {
  Room& room = *static_cast<Room*>(buffer->host);
  room.available = 0;
  if (bytes > kMaxValueBytes - (room.out.size() - room.begin)) return nullptr;
  try {
    char* at = room.out.reserve(bytes);
    room.available = bytes;
    return at;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void commit(e2k_buffer* buffer, size_t bytes) noexcept {
  Room& room = *static_cast<Room*>(buffer->host);
  if (bytes > room.available)
    end_process(room.label, "it commits " + std::to_string(bytes) + " bytes where " +
                                std::to_string(room.available) + " are reserved: memory is spoilt");
  room.available -= bytes;
  room.out.commit(bytes);
}

// string_view's own pointer may be null where it is empty; the plug-in was promised none.
const char* pointer_of(std::string_view text) {
  return text.empty() ? "" : text.data();
}

class PluginEncoder final : public ValueEncoder {
public:
  // Takes the instance over.
  PluginEncoder(PluginLibrary library, void* instance)
      : library_(std::move(library)), table_(*library_.table), instance_(instance) {}
  ~PluginEncoder() override {
    try {
      table_.destroy(instance_);
    } catch (...) {
      end_process(library_.label, "an exception left destroy()");
    }
  }

  bool encode(const EventView& event, Buffer& out) override;
  const SchemaDocument* schema() const override { return schema_ ? &*schema_ : nullptr; }
  bool takes_errors() const override { return (table_.flags & E2K_TAKES_ERRORS) != 0; }
  bool wants_names() const override { return (table_.flags & E2K_WANTS_NAMES) != 0; }

  Result<void> ask_for_schema();

private:
  int call(const e2k_event& event, e2k_buffer& buffer);

  const PluginLibrary library_;
  const e2k_converter& table_;
  void* const instance_;
  std::optional<SchemaDocument> schema_;
};

int PluginEncoder::call(const e2k_event& event, e2k_buffer& buffer) {
  try {
    return table_.encode(instance_, &event, &buffer);
  } catch (const std::exception& e) {
    end_process(library_.label, std::string("an exception left encode(): ") + e.what());
  } catch (...) {
    end_process(library_.label, "an exception left encode()");
  }
}

bool PluginEncoder::encode(const EventView& event, Buffer& out) {
  alignas(8) static constexpr std::byte kNoValue[8] = {};
  e2k_event raw{};
  raw.struct_bytes = sizeof raw;
  raw.value = kNoValue;
  raw.schema_id = event.schema_id;
  raw.stamp_unix_ns = event.stamp_unix_ns;
  std::string_view error;
  std::string mended;
  if (event.is_error) {
    if (!takes_errors()) return false;
    raw.is_error = 1;
    error = event.error;
    if (!is_valid_utf8(error)) error = mended = utf8_or_latin1(error);
  } else {
    raw.type = static_cast<uint32_t>(event.type);
    const size_t one = e2k_element_bytes(raw.type);
    if (one == 0 || event.value.size() / one < event.count) return false;
    raw.count = event.count;
    raw.value_bytes = one * event.count;
    if (raw.value_bytes > 0) raw.value = event.value.data();
    raw.status = event.status;
    raw.severity = event.severity;
  }
  raw.error = pointer_of(error);
  raw.error_bytes = error.size();
  raw.channel = pointer_of(event.channel);
  raw.channel_bytes = event.channel.size();
  raw.topic = pointer_of(event.topic);
  raw.topic_bytes = event.topic.size();
  raw.key = pointer_of(event.key);
  raw.key_bytes = event.key.size();

  Room room{out, out.size(), 0, library_.label};
  e2k_buffer buffer{sizeof buffer, &room, reserve, commit};
  if (call(raw, buffer) == E2K_OK) return true;
  out.truncate(room.begin);
  return false;
}

Result<void> PluginEncoder::ask_for_schema() {
  if (table_.schema == nullptr) return {};
  e2k_schema raw{};
  raw.struct_bytes = sizeof raw;
  try {
    table_.schema(instance_, &raw);
  } catch (...) {
    return fail(library_.label + " lets an exception out of schema(): it must catch its own");
  }
  if (raw.type == nullptr) return {};
  const std::string type = plugin_words(raw.type, 16);
  if (type != "AVRO" && type != "PROTOBUF" && type != "JSON")
    return fail(library_.label + " has a schema of type " + log::quoted(type) +
                ": a registry takes AVRO, PROTOBUF or JSON");
  const std::string_view text = raw.text == nullptr ? "" : raw.text;
  if (text.empty() || text.size() > kMaxSchemaBytes || !is_valid_utf8(text))
    return fail(library_.label + " has a schema of " + std::to_string(text.size()) +
                " bytes: it must be UTF-8, of at least one byte and at most " +
                std::to_string(kMaxSchemaBytes));
  const std::string_view record_name = raw.record_name == nullptr ? "" : raw.record_name;
  if (!is_valid_utf8(record_name)) return fail(library_.label + " has a record_name that is not UTF-8");
  schema_ = SchemaDocument{type, std::string(text), std::string(record_name)};
  return {};
}

Result<void*> create_instance(const PluginLibrary& library, const ConverterOptions& options) {
  std::vector<e2k_option> pairs;
  for (const auto& [name, value] : options) {
    if (name.find('\0') != std::string::npos || value.find('\0') != std::string::npos)
      return fail("value.options: " + log::quoted(name) + " holds a NUL, which no plug-in can be given");
    pairs.push_back({name.c_str(), value.c_str()});
  }
  const e2k_option none{"", ""};
  std::array<char, kErrorBytes> reason{};
  void* instance = nullptr;
  try {
    instance = library.table->create(pairs.empty() ? &none : pairs.data(), pairs.size(), reason.data(),
                                     reason.size());
  } catch (...) {
    return fail(library.label + " lets an exception out of create(): it must catch its own");
  }
  if (instance != nullptr) return instance;
  const std::string words = plugin_words(reason.data(), reason.size());
  return fail(library.label + " refuses [value.options]: " +
              (words.empty() ? "it gives no reason; see its documentation" : words));
}

}  // namespace

Result<std::unique_ptr<ValueEncoder>> load_plugin_encoder(const std::string& path,
                                                          const ConverterOptions& options) {
  auto library = open_plugin_library(path);
  if (!library) return tl::unexpected(library.error());
  const auto instance = create_instance(*library, options);
  if (!instance) return tl::unexpected(instance.error());
  auto encoder = std::make_unique<PluginEncoder>(std::move(*library), *instance);
  if (auto good = encoder->ask_for_schema(); !good) return tl::unexpected(good.error());
  return encoder;
}

}  // namespace e2k::worker
