// Shell. The schemas that a registry has under their ids, asked once each.
//
// The registry is the one of the configuration's [value]. What could not be had is asked again, after a while
// (kAskAgain), so that a registry that is away costs little and one that comes back is noticed. Blocks a few
// seconds for each address at most.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include <tl/expected.hpp>

#include "common/registry/option_reader.h"
#include "supervisor/ctl/writer_schema.h"

namespace e2k::supervisor::ctl {

inline constexpr char kRegistryUrl[] = "schema.registry.url";

class RegistrySchemas {
public:
  static constexpr std::chrono::seconds kAskAgain{10};

  // `options`: value.options as the configuration has them; without a registry's address none is asked.
  explicit RegistrySchemas(config::OptionValues options) : options_(std::move(options)) {}

  const tl::expected<WriterSchema, std::string>& of(uint32_t id);

private:
  struct Known {
    tl::expected<WriterSchema, std::string> schema;
    std::chrono::steady_clock::time_point asked;
  };

  tl::expected<WriterSchema, std::string> ask(uint32_t id) const;

  const config::OptionValues options_;
  std::map<uint32_t, Known> known_;
};

}  // namespace e2k::supervisor::ctl
