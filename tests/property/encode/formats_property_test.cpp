// The hand-written binary encoders against the formats' own libraries: whatever an IOC sends, the library
// reads back what was sent (Protobuf, Avro), or writes the same bytes (MessagePack).
#include <avro.h>
#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <msgpack.hpp>
#include <regex>
#include <string>
#include <vector>

#include "common/text.h"
#include "worker/encode/encoder.h"
#include "worker/encode/schema.h"

namespace e2k::worker {
namespace {

namespace pb = google::protobuf;

constexpr size_t kHead = 5;

template <class T>
EventView event_of(DbrType type, const std::vector<T>& elements) {
  EventView event;
  event.type = type;
  event.count = static_cast<uint32_t>(elements.size());
  event.value = std::as_bytes(std::span(elements));
  return event;
}

std::string encoded(const char* converter, const EventView& event, const char* schema = "EPICS_CA_DBR") {
  const auto encoder = make_value_encoder(converter, schema, {});
  Buffer out;
  RC_ASSERT((*encoder)->encode(event, out));
  return std::string(out.view());
}

// Spreads rapidcheck's small numbers over all bit patterns.
template <class T>
std::vector<T> spread(const std::vector<uint64_t>& seeds) {
  std::vector<T> values;
  for (const uint64_t seed : seeds) {
    const uint64_t bits = seed * 0x9e3779b97f4a7c15u;
    T value;
    std::memcpy(&value, &bits, sizeof value);
    values.push_back(value);
  }
  return values;
}

std::vector<std::byte> string_elements(const std::vector<std::string>& texts) {
  std::vector<std::byte> bytes(texts.size() * kDbrStringBytes);
  for (size_t i = 0; i < texts.size(); ++i)
    std::memcpy(&bytes[i * kDbrStringBytes], texts[i].data(), std::min(texts[i].size(), kDbrStringBytes));
  return bytes;
}
std::string as_read(const std::string& text) {
  std::string_view read(text.data(), strnlen(text.data(), std::min(text.size(), kDbrStringBytes)));
  if (read.size() >= kDbrStringBytes - 1) read = without_cut_character(read);
  return utf8_or_latin1(read);
}

// --- Protobuf, by the library's reflection over the registered text

class ProtobufReader {
public:
  explicit ProtobufReader(const char* schema) {
    const auto encoder = make_value_encoder("protobuf", schema, {});
    std::string text = (*encoder)->schema()->text;
    text = std::regex_replace(text, std::regex(R"( \[[^;]*\];)"), ";");  // options of a file that we have not
    pb::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
    pb::io::Tokenizer tokens(&stream, nullptr);
    pb::compiler::Parser parser;
    pb::FileDescriptorProto file;
    file.set_name("schema.proto");
    EXPECT_TRUE(parser.Parse(&tokens, &file));
    const pb::FileDescriptor* built = pool_.BuildFile(file);
    EXPECT_NE(built, nullptr);
    type_ = built->message_type(0);
  }
  std::unique_ptr<pb::Message> read(const std::string& bytes) {
    std::unique_ptr<pb::Message> message(factory_.GetPrototype(type_)->New());
    RC_ASSERT(bytes.size() > kHead && bytes[kHead] == 0);
    RC_ASSERT(message->ParseFromString(bytes.substr(kHead + 1)));
    RC_ASSERT(message->GetReflection()->GetUnknownFields(*message).empty());
    return message;
  }
  const pb::FieldDescriptor* field(const char* name) const { return type_->FindFieldByName(name); }

private:
  pb::DescriptorPool pool_;
  pb::DynamicMessageFactory factory_{&pool_};
  const pb::Descriptor* type_ = nullptr;
};

template <class Native, class Read, class Get>
void check_repeated(ProtobufReader& reader, const EventView& event, const char* name,
                    const std::vector<Native>& values, Get get, const char* schema = "EPICS_CA_DBR") {
  const auto message = reader.read(encoded("protobuf", event, schema));
  const pb::FieldDescriptor* field = reader.field(name);
  const pb::Reflection& reflection = *message->GetReflection();
  RC_ASSERT(reflection.FieldSize(*message, field) == static_cast<int>(values.size()));
  for (size_t i = 0; i < values.size(); ++i) {
    const Read read = get(reflection, *message, field, static_cast<int>(i));
    const Read sent = static_cast<Read>(values[i]);
    RC_ASSERT(std::memcmp(&read, &sent, sizeof read) == 0);
  }
}

RC_GTEST_PROP(ProtobufProperty, the_library_reads_what_was_sent, (const std::vector<uint64_t>& seeds)) {
  static ProtobufReader reader("EPICS_CA_DBR");
  const auto doubles = spread<double>(seeds);
  check_repeated<double, double>(
      reader, event_of(DbrType::float64, doubles), "doubleValues", doubles,
      [](const auto& r, const auto& m, const auto* f, int i) { return r.GetRepeatedDouble(m, f, i); });
  const auto floats = spread<float>(seeds);
  check_repeated<float, float>(
      reader, event_of(DbrType::float32, floats), "floatValues", floats,
      [](const auto& r, const auto& m, const auto* f, int i) { return r.GetRepeatedFloat(m, f, i); });
  const auto int32 = [](const auto& r, const auto& m, const auto* f, int i) {
    return r.GetRepeatedInt32(m, f, i);
  };
  const auto longs = spread<int32_t>(seeds);
  check_repeated<int32_t, int32_t>(reader, event_of(DbrType::int32, longs), "intValues", longs, int32);
  const auto shorts = spread<int16_t>(seeds);
  check_repeated<int16_t, int32_t>(reader, event_of(DbrType::int16, shorts), "shortValues", shorts, int32);
  check_repeated<int16_t, int32_t>(reader, event_of(DbrType::enum16, shorts), "shortValues", shorts, int32);
  const auto chars = spread<int8_t>(seeds);
  check_repeated<int8_t, int32_t>(reader, event_of(DbrType::char8, chars), "byteValues", chars, int32);
}

RC_GTEST_PROP(ProtobufProperty, the_library_reads_the_oldest_schema,
              (const std::vector<uint64_t>& seeds, uint32_t s)) {
  constexpr const char* kSchema = "org.jlab.epics.ca.value";
  static ProtobufReader reader(kSchema);
  const auto longs = spread<int32_t>(seeds);
  EventView event = event_of(DbrType::int32, longs);
  event.stamp_unix_ns = int64_t{s} * 1'000'000'000 + 5;
  check_repeated<int32_t, int64_t>(
      reader, event, "intValues", longs,
      [](const auto& r, const auto& m, const auto* f, int i) { return r.GetRepeatedInt64(m, f, i); },
      kSchema);
  const auto message = reader.read(encoded("protobuf", event, kSchema));
  RC_ASSERT(message->GetReflection()->GetInt64(*message, reader.field("timestamp")) == int64_t{s});
}

RC_GTEST_PROP(ProtobufProperty, the_library_reads_alarms_errors_and_strings,
              (int8_t status, int8_t severity, const std::vector<std::string>& texts,
               const std::string& error)) {
  static ProtobufReader reader("EPICS_CA_DBR");
  const auto elements = string_elements(texts);
  EventView event = event_of(DbrType::string, elements);
  event.count = static_cast<uint32_t>(texts.size());
  event.status = status;
  event.severity = severity;
  const auto message = reader.read(encoded("protobuf", event));
  const pb::Reflection& reflection = *message->GetReflection();
  RC_ASSERT(reflection.GetInt32(*message, reader.field("status")) == status);
  RC_ASSERT(reflection.GetInt32(*message, reader.field("severity")) == severity);
  RC_ASSERT(reflection.FieldSize(*message, reader.field("stringValues")) == static_cast<int>(texts.size()));
  for (size_t i = 0; i < texts.size(); ++i)
    RC_ASSERT(reflection.GetRepeatedString(*message, reader.field("stringValues"), static_cast<int>(i)) ==
              as_read(texts[i]));
  EventView failed;
  failed.is_error = true;
  failed.error = error;
  const auto told = reader.read(encoded("protobuf", failed));
  RC_ASSERT(told->GetReflection()->GetString(*told, reader.field("error")) == utf8_or_latin1(error));
}

// --- Avro, by the C library and the registered text

class AvroReader {
public:
  AvroReader() {
    const auto encoder = make_value_encoder("avro", "EPICS_CA_DBR", {});
    const std::string& text = (*encoder)->schema()->text;
    EXPECT_EQ(avro_schema_from_json_length(text.data(), text.size(), &schema_), 0) << avro_strerror();
    class_ = avro_generic_class_from_schema(schema_);
  }
  ~AvroReader() {
    avro_value_iface_decref(class_);
    avro_schema_decref(schema_);
  }
  // The value of a union's second branch; `read` must have been called.
  avro_value_t field(const char* name, int expected_branch = 1) {
    avro_value_t field, branch;
    RC_ASSERT(avro_value_get_by_name(&value_, name, &field, nullptr) == 0);
    int chosen = -1;
    RC_ASSERT(avro_value_get_discriminant(&field, &chosen) == 0);
    RC_ASSERT(chosen == expected_branch);
    RC_ASSERT(avro_value_get_current_branch(&field, &branch) == 0);
    return branch;
  }
  template <class Check>
  void read(const std::string& bytes, Check check) {
    avro_generic_value_new(class_, &value_);
    avro_reader_t in = avro_reader_memory(bytes.data() + kHead, static_cast<int64_t>(bytes.size() - kHead));
    const int failed = avro_value_read(in, &value_);
    char more;
    const bool at_end = avro_read(in, &more, 1) != 0;
    avro_reader_free(in);
    RC_ASSERT(failed == 0);
    RC_ASSERT(at_end);
    check();
    avro_value_decref(&value_);
  }
  template <class Check>
  void each(const char* name, size_t count, Check check) {
    avro_value_t array = field(name);
    size_t size = 0;
    avro_value_get_size(&array, &size);
    RC_ASSERT(size == count);
    for (size_t i = 0; i < size; ++i) {
      avro_value_t element, branch;
      avro_value_get_by_index(&array, i, &element, nullptr);
      RC_ASSERT(avro_value_get_current_branch(&element, &branch) == 0);
      check(i, branch);
    }
  }

private:
  avro_schema_t schema_ = nullptr;
  avro_value_iface_t* class_ = nullptr;
  avro_value_t value_{};
};

RC_GTEST_PROP(AvroProperty, the_library_reads_what_was_sent, (const std::vector<uint64_t>& seeds)) {
  static AvroReader reader;
  const auto doubles = spread<double>(seeds);
  reader.read(encoded("avro", event_of(DbrType::float64, doubles)), [&] {
    reader.field("error", 0);
    reader.each("doubleValues", doubles.size(), [&](size_t i, const avro_value_t& element) {
      double read = 0;
      avro_value_get_double(&element, &read);
      RC_ASSERT(std::memcmp(&read, &doubles[i], sizeof read) == 0);
    });
  });
  const auto floats = spread<float>(seeds);
  reader.read(encoded("avro", event_of(DbrType::float32, floats)), [&] {
    reader.each("floatValues", floats.size(), [&](size_t i, const avro_value_t& element) {
      float read = 0;
      avro_value_get_float(&element, &read);
      RC_ASSERT(std::memcmp(&read, &floats[i], sizeof read) == 0);
    });
  });
  const auto check_ints = [&](DbrType type, const auto& values, const char* name) {
    reader.read(encoded("avro", event_of(type, values)), [&] {
      reader.each(name, values.size(), [&](size_t i, const avro_value_t& element) {
        int32_t read = 0;
        avro_value_get_int(&element, &read);
        RC_ASSERT(read == values[i]);
      });
    });
  };
  check_ints(DbrType::int32, spread<int32_t>(seeds), "intValues");
  check_ints(DbrType::int16, spread<int16_t>(seeds), "shortValues");
  check_ints(DbrType::enum16, spread<int16_t>(seeds), "shortValues");
  check_ints(DbrType::char8, spread<int8_t>(seeds), "byteValues");
}

RC_GTEST_PROP(AvroProperty, the_library_reads_alarms_errors_and_strings,
              (int8_t status, int8_t severity, const std::vector<std::string>& texts,
               const std::string& error)) {
  static AvroReader reader;
  const auto elements = string_elements(texts);
  EventView event = event_of(DbrType::string, elements);
  event.count = static_cast<uint32_t>(texts.size());
  event.status = status;
  event.severity = severity;
  const auto text_of = [](const avro_value_t& value) {
    const char* text = nullptr;
    size_t bytes = 0;
    avro_value_get_string(&value, &text, &bytes);
    return std::string(text, bytes - 1);  // a NUL is counted
  };
  reader.read(encoded("avro", event), [&] {
    for (const auto& [name, sent] : {std::pair{"status", status}, std::pair{"severity", severity}}) {
      int32_t read = 0;
      const avro_value_t value = reader.field(name);
      avro_value_get_int(&value, &read);
      RC_ASSERT(read == sent);
    }
    reader.each("stringValues", texts.size(), [&](size_t i, const avro_value_t& element) {
      RC_ASSERT(text_of(element) == as_read(texts[i]));
    });
  });
  EventView failed;
  failed.is_error = true;
  failed.error = error;
  reader.read(encoded("avro", failed), [&] {
    RC_ASSERT(text_of(reader.field("error")) == utf8_or_latin1(error));
    reader.field("status", 0);
    reader.field("byteValues", 0);
  });
}

// --- MessagePack: integers as the library packs them; floats as it unpacks them, for newer versions of it
// pack 2.0 as the integer 2, and ours keep their type.

template <class T>
void check_msgpack_integers(DbrType type, const char* name, const std::vector<T>& values, int8_t status,
                            int8_t severity) {
  EventView event = event_of(type, values);
  event.status = status;
  event.severity = severity;
  msgpack::sbuffer expected;
  msgpack::packer<msgpack::sbuffer> packer(expected);
  packer.pack_map(3);
  packer.pack(std::string("status"));
  packer.pack(int32_t{status});
  packer.pack(std::string("severity"));
  packer.pack(int32_t{severity});
  packer.pack(std::string(name));
  packer.pack(std::vector<int32_t>(values.begin(), values.end()));
  RC_ASSERT(encoded("msgpack", event) == std::string(expected.data(), expected.size()));
}

template <class T>
void check_msgpack_floats(DbrType type, const char* name, const std::vector<T>& values,
                          msgpack::type::object_type expected) {
  const std::string bytes = encoded("msgpack", event_of(type, values));
  const auto record = msgpack::unpack(bytes.data(), bytes.size());
  std::map<std::string, msgpack::object> fields;
  record.get().convert(fields);
  const msgpack::object_array& read = fields.at(name).via.array;
  RC_ASSERT(read.size == values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    RC_ASSERT(read.ptr[i].type == expected);
    const T value = static_cast<T>(read.ptr[i].via.f64);
    const bool same = std::isnan(values[i]) ? std::isnan(value)  // its payload may change on the way
                                            : std::memcmp(&value, &values[i], sizeof value) == 0;
    RC_ASSERT(same);
  }
}

RC_GTEST_PROP(MsgpackProperty, the_library_agrees_on_numbers,
              (const std::vector<uint64_t>& seeds, const std::vector<int32_t>& small, int8_t status,
               int8_t severity)) {
  check_msgpack_floats(DbrType::float64, "doubleValues", spread<double>(seeds), msgpack::type::FLOAT64);
  check_msgpack_floats(DbrType::float32, "floatValues", spread<float>(seeds), msgpack::type::FLOAT32);
  check_msgpack_integers(DbrType::int32, "intValues", spread<int32_t>(seeds), status, severity);
  check_msgpack_integers(DbrType::int32, "intValues", small, status, severity);
  check_msgpack_integers(DbrType::int16, "shortValues", spread<int16_t>(seeds), status, severity);
  check_msgpack_integers(DbrType::char8, "byteValues", spread<int8_t>(seeds), status, severity);
}

RC_GTEST_PROP(MsgpackProperty, the_library_reads_strings_and_errors,
              (const std::vector<std::string>& texts, const std::string& error)) {
  const auto elements = string_elements(texts);
  EventView event = event_of(DbrType::string, elements);
  event.count = static_cast<uint32_t>(texts.size());
  const std::string bytes = encoded("msgpack", event);
  const auto record = msgpack::unpack(bytes.data(), bytes.size());
  std::map<std::string, msgpack::object> fields;
  record.get().convert(fields);
  const auto read = fields.at("stringValues").as<std::vector<std::string>>();
  RC_ASSERT(read.size() == texts.size());
  for (size_t i = 0; i < texts.size(); ++i) RC_ASSERT(read[i] == as_read(texts[i]));
  EventView failed;
  failed.is_error = true;
  failed.error = error;
  const std::string told = encoded("msgpack", failed);
  std::map<std::string, std::string> only;
  msgpack::unpack(told.data(), told.size()).get().convert(only);
  RC_ASSERT(only == (std::map<std::string, std::string>{{"error", utf8_or_latin1(error)}}));
}

}  // namespace
}  // namespace e2k::worker
