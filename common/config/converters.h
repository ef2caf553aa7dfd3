// Pure. The converters by their names: this program's short ones and Kafka Connect's classes.
//
// Which of them a build can carry out is the encoders' to say; here all names of the documentation are known.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/config.h"

namespace e2k::config {

enum class RecordPart { key, value };

// What `converter` and its options amount to.
struct ConverterChoice {
  std::string converter;              // a short name, or plugin:/path.so
  Properties options;                 // with the defaults that a class name brings
  std::vector<std::string> mistakes;  // "KEY: what is wrong", KEY being converter or options.NAME
};

ConverterChoice resolve_converter(std::string_view name, Properties options, RecordPart part);

std::string accepted_converters(RecordPart part);

}  // namespace e2k::config
