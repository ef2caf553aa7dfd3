// Pure. The converters by their names, this program's short ones and Kafka Connect's classes, and the options
// that each has.
//
// The one place for these decisions: the configuration is judged by it at start-up, and the worker that makes
// an encoder from what it was told asks again. Whether an option's value makes sense to a registry, or a
// plug-in takes its options, is theirs to say.
#pragma once

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

// Kafka Connect's class of a converter by its short name; a name that is none of them comes back unchanged.
std::string connect_class_of(std::string_view converter);

std::string accepted_converters(RecordPart part);

// Whether the converter's records carry the id of a schema that a registry holds.
bool needs_registry(std::string_view converter);

// An option that says yes or no: "true" in any case; `otherwise` where it is not given.
bool option_is_true(const Properties& options, const std::string& name, bool otherwise);

}  // namespace e2k::config
