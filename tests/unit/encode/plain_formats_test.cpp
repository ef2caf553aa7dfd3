// The formats that need no registry and are no JSON: Java's text, and MessagePack.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/unit/encode/events.h"
#include "worker/encode/msgpack_encoder.h"
#include "worker/encode/schema.h"
#include "worker/encode/string_value_encoder.h"

namespace e2k::worker {
namespace {

std::string text(const EventView& event, const char* schema = "EPICS_CA_DBR") {
  StringValueEncoder encoder(**find_schema(schema));
  return encode(encoder, event);
}
std::string packed(const EventView& event, const char* schema = "EPICS_CA_DBR") {
  MsgpackValueEncoder encoder(**find_schema(schema));
  return hex(encode(encoder, event));
}
const std::string kNoAlarm = "83a6" + hex("status") + "00a8" + hex("severity") + "00";

TEST(StringValue, the_sample_is_javas_text) {
  EXPECT_EQ(text(event_of<double>(DbrType::float64, {1.5, 2.0}, 3, 2).view),
            "Struct{status=3,severity=2,doubleValues=[1.5, 2.0]}");
}

TEST(StringValue, every_native_type_has_its_field) {
  EXPECT_EQ(text(event_of<float>(DbrType::float32, {0.1f}).view),
            "Struct{status=0,severity=0,floatValues=[0.1]}");
  EXPECT_EQ(text(event_of<int32_t>(DbrType::int32, {-7, 8}).view),
            "Struct{status=0,severity=0,intValues=[-7, 8]}");
  EXPECT_EQ(text(event_of<uint16_t>(DbrType::enum16, {3}).view),
            "Struct{status=0,severity=0,shortValues=[3]}");
  EXPECT_EQ(text(event_of<uint8_t>(DbrType::char8, {200}).view),
            "Struct{status=0,severity=0,byteValues=[-56]}");
  EXPECT_EQ(text(strings({"a, b", ""}).view), "Struct{status=0,severity=0,stringValues=[a, b, ]}");
  EXPECT_EQ(text(event_of<double>(DbrType::float64, {}).view), "Struct{status=0,severity=0,doubleValues=[]}");
}

TEST(StringValue, numbers_that_are_none_have_javas_names) {
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(text(event_of<double>(DbrType::float64, {std::nan(""), inf, -inf, -0.0}).view),
            "Struct{status=0,severity=0,doubleValues=[NaN, Infinity, -Infinity, -0.0]}");
}

TEST(StringValue, an_error_stands_alone_and_is_utf8) {
  EXPECT_EQ(text(error_of("20 \xb0"
                          "C")),
            "Struct{error=20 \u00b0C}");
}

TEST(StringValue, the_oldest_schema_begins_with_the_time) {
  Event event = event_of<int16_t>(DbrType::int16, {5}, 3, 2);
  event.view.stamp_unix_ns = 1'700'000'000'999'999'999;
  EXPECT_EQ(text(event.view, "org.jlab.epics.ca.value"),
            "Struct{timestamp=1700000000,status=3,severity=2,intValues=[5]}");
}

TEST(Msgpack, a_map_of_what_is_not_null) {
  EXPECT_EQ(packed(event_of<double>(DbrType::float64, {1.5}, 3, 2).view),
            "83a6" + hex("status") + "03a8" + hex("severity") + "02ac" + hex("doubleValues") +
                "91cb3ff8000000000000");
  EXPECT_EQ(packed(error_of("caf\xe9")), "81a5" + hex("error") + "a5636166c3a9");
}

TEST(Msgpack, every_native_type_has_its_field) {
  EXPECT_EQ(packed(event_of<float>(DbrType::float32, {1.0f}).view),
            kNoAlarm + "ab" + hex("floatValues") + "91ca3f800000");
  EXPECT_EQ(packed(event_of<int32_t>(DbrType::int32, {-1, 128, 70000, -70000}).view),
            kNoAlarm + "a9" + hex("intValues") + "94ffcc80ce00011170d2fffeee90");
  EXPECT_EQ(packed(event_of<int16_t>(DbrType::int16, {-33, 300}).view),
            kNoAlarm + "ab" + hex("shortValues") + "92d0dfcd012c");
  EXPECT_EQ(packed(event_of<uint8_t>(DbrType::char8, {200}).view),
            kNoAlarm + "aa" + hex("byteValues") + "91d0c8");
  EXPECT_EQ(packed(strings({"x", ""}).view), kNoAlarm + "ac" + hex("stringValues") + "92a178a0");
  EXPECT_EQ(packed(event_of<double>(DbrType::float64, {}).view),
            kNoAlarm + "ac" + hex("doubleValues") + "90");
}

TEST(Msgpack, long_arrays_have_longer_heads) {
  Event event = event_of<uint8_t>(DbrType::char8, {});
  for (const auto& [count, head] : {std::pair{16u, "dc0010"}, std::pair{70000u, "dd00011170"}}) {
    event.bytes.assign(count, std::byte{1});
    event.view.value = event.bytes;
    event.view.count = count;
    const std::string bytes = packed(event.view);
    EXPECT_EQ(bytes.substr(kNoAlarm.size() + 22, std::string(head).size()), head);
    EXPECT_EQ(bytes.size(), kNoAlarm.size() + 22 + std::string(head).size() + 2 * size_t{count});
  }
}

}  // namespace
}  // namespace e2k::worker
