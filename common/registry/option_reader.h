// Pure. One part's options, each known by name and well-formed by itself; what contradicts what is for those
// who read them to find out.
//
// An empty text counts as not given, except where the empty text is a choice of its own. Errors name the
// option as the configuration does (`value.options.proxy.port: …`) and never repeat a secret. Copies what it
// is made from.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "common/config/converters.h"
#include "common/result.h"

namespace e2k::config {

// By name.
using OptionValues = std::map<std::string, std::string>;

class OptionReader {
public:
  // Options that are the encoders' own are left out.
  static Result<OptionReader> create(const OptionValues& options, RecordPart part);

  bool has(std::string_view name) const { return !text(name).empty(); }
  std::string text(std::string_view name) const;
  std::string text_or(std::string_view name, std::string_view otherwise) const;  // "" is an answer, too
  bool flag(std::string_view name, bool otherwise) const;
  int64_t number(std::string_view name, int64_t otherwise) const;

  tl::unexpected<Error> refuse(std::string_view name, std::string_view why) const;

private:
  OptionReader(OptionValues options, RecordPart part) : options_(std::move(options)), part_(part) {}

  OptionValues options_;
  RecordPart part_;
};

}  // namespace e2k::config
