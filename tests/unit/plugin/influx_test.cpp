// The example plug-in, wherever $E2K_INFLUX says that it was built.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "worker/plugin/plugin_encoder.h"

namespace e2k::worker {
namespace {

using testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Result<std::unique_ptr<ValueEncoder>> load(const ConverterOptions& options) {
  const char* path = std::getenv("E2K_INFLUX");
  return load_plugin_encoder(path != nullptr ? path : "/set/E2K_INFLUX/to/influx.so", options);
}

std::string line_of(EventView event, const ConverterOptions& options = {}) {
  const auto encoder = load(options);
  if (!encoder) return encoder.error().message;
  event.stamp_unix_ns = 1'700'000'000'000'000'000;
  if (event.channel.empty()) event.channel = "channel1";
  event.topic = "topic 1";
  Buffer out;
  return (*encoder)->encode(event, out) ? std::string(out.view()) : "(no)";
}

template <class Native>
std::string line(DbrType type, const std::vector<Native>& values, const ConverterOptions& options = {},
                 std::string_view channel = {}) {
  std::vector<double> aligned((values.size() * sizeof(Native) + 7) / 8);
  if (!values.empty()) std::memcpy(aligned.data(), values.data(), values.size() * sizeof(Native));
  EventView event;
  event.type = type;
  event.count = static_cast<uint32_t>(values.size());
  event.severity = 2;
  event.status = 3;
  event.channel = channel;
  event.value = std::as_bytes(std::span(aligned)).first(values.size() * sizeof(Native));
  return line_of(event, options);
}

std::string doubles(const std::vector<double>& values) {
  return line(DbrType::float64, values);
}

struct DbrString {
  explicit DbrString(std::string_view of) { std::memcpy(text, of.data(), of.size()); }
  char text[kDbrStringBytes] = {};
};

std::string field_of(std::string_view text) {
  const std::string written = line(DbrType::string, std::vector{DbrString(text)});
  const size_t begin = written.find(' ') + 1;
  return written.substr(begin, written.rfind(' ') - begin);
}

TEST(Influx, a_scalar_is_one_field_with_the_alarm_as_tags) {
  EXPECT_EQ(doubles({1.5}), "channel1,severity=2,status=3 value=1.5 1700000000000000000");
}

TEST(Influx, an_array_has_numbered_fields) {
  EXPECT_EQ(doubles({1.5, -2, 1e300}),
            "channel1,severity=2,status=3 value0=1.5,value1=-2,value2=1e+300 1700000000000000000");
}

TEST(Influx, integers_have_their_suffix) {
  EXPECT_THAT(line(DbrType::int32, std::vector<int32_t>{-7}), HasSubstr(" value=-7i "));
  EXPECT_THAT(line(DbrType::int16, std::vector<int16_t>{7, 8}), HasSubstr(" value0=7i,value1=8i "));
  EXPECT_THAT(line(DbrType::enum16, std::vector<uint16_t>{65535}), HasSubstr(" value=65535i "));
  EXPECT_THAT(line(DbrType::char8, std::vector<int8_t>{-56}), HasSubstr(" value=-56i "));
}

TEST(Influx, a_float_has_no_more_digits_than_it_needs) {
  EXPECT_THAT(line(DbrType::float32, std::vector<float>{0.1F}), HasSubstr(" value=0.1 "));
}

TEST(Influx, numbers_that_are_none_are_left_out_and_alone_can_not_be_expressed) {
  EXPECT_THAT(doubles({kNan, 1, kInfinity, 2}), HasSubstr(" value1=1,value3=2 "));
  EXPECT_EQ(doubles({kNan}), "(no)");
  EXPECT_EQ(doubles({kInfinity, -kInfinity}), "(no)");
  EXPECT_EQ(doubles({}), "(no)");
}

TEST(Influx, strings_are_quoted_and_escaped) {
  EXPECT_EQ(field_of("plain text, a=b"), R"(value="plain text, a=b")");
  EXPECT_EQ(field_of(R"(say "hi" \ bye)"), R"(value="say \"hi\" \\ bye")");
  EXPECT_EQ(field_of(""), R"(value="")");
  EXPECT_EQ(field_of(std::string(kDbrStringBytes, 'x')), "value=\"" + std::string(40, 'x') + "\"");
}

TEST(Influx, strings_are_utf8_whatever_the_ioc_sends) {
  EXPECT_EQ(field_of("µm €"), R"(value="µm €")");
  EXPECT_EQ(field_of("\xb5m"), R"(value="µm")");
  EXPECT_EQ(field_of("cut \xe2\x82"), "value=\"cut \xc3\xa2\xc2\x82\"");
  EXPECT_EQ(field_of("\xed\xa0\x80"), "value=\"\xc3\xad\xc2\xa0\xc2\x80\"");
}

TEST(Influx, names_are_escaped) {
  EXPECT_THAT(line(DbrType::float64, std::vector{1.0}, {}, "a b,c=d"),
              testing::StartsWith(R"(a\ b\,c=d,severity=)"));
}

TEST(Influx, names_that_the_protocol_can_not_write_are_not_written) {
  for (const char* name : {"line\nfeed", "back\\", "#comment"})
    EXPECT_EQ(line(DbrType::float64, std::vector{1.0}, {}, name), "(no)") << name;
}

TEST(Influx, the_topic_as_measurement_has_the_channel_as_a_tag) {
  EXPECT_EQ(line(DbrType::float64, std::vector{1.0}, {{"measurement", "topic"}}, "a=b"),
            R"(topic\ 1,channel=a\=b,severity=2,status=3 value=1 1700000000000000000)");
}

TEST(Influx, tags_are_added_to_every_line) {
  EXPECT_EQ(line(DbrType::float64, std::vector{1.0}, {{"tags", "site=my lab,hall=B=1"}}),
            R"(channel1,site=my\ lab,hall=B\=1,severity=2,status=3 value=1 1700000000000000000)");
}

TEST(Influx, an_error_record_has_the_error_alone) {
  EventView event;
  event.is_error = true;
  event.error = R"(no "host")";
  EXPECT_EQ(line_of(event), R"(channel1 error="no \"host\"" 1700000000000000000)");
}

TEST(Influx, options_that_it_does_not_understand_are_refused) {
  const auto refusal = [](const ConverterOptions& options) { return load(options).error().message; };
  EXPECT_THAT(refusal({{"measurment", "x"}}), HasSubstr("'measurment' is no option of influx; accepted:"));
  EXPECT_THAT(refusal({{"measurement", "x"}}), HasSubstr("measurement is 'x'; accepted: channel, topic"));
  EXPECT_THAT(refusal({{"tags", "site"}}), HasSubstr("'site' is no KEY=VALUE"));
  EXPECT_THAT(refusal({{"tags", "site="}}), HasSubstr("'site=' is no KEY=VALUE"));
  EXPECT_THAT(refusal({{"tags", "a=1,a=2"}}), HasSubstr("'a=2' is taken"));
  EXPECT_THAT(refusal({{"tags", "status=1"}}), HasSubstr("'status=1' is taken"));
}

}  // namespace
}  // namespace e2k::worker
