#include "common/config/patterns.h"

#include <re2/re2.h>

#include <algorithm>
#include <deque>

namespace e2k::config {
namespace {

RE2::Options quiet() {
  RE2::Options options;
  options.set_log_errors(false);
  return options;
}

}  // namespace

struct Patterns::Compiled {
  std::deque<RE2> all;  // none can be moved
};

Patterns::Patterns(const std::vector<std::string>& patterns) {
  auto compiled = std::make_shared<Compiled>();
  for (const std::string& pattern : patterns) compiled->all.emplace_back(pattern, quiet());
  compiled_ = std::move(compiled);
}

bool Patterns::match(std::string_view name) const {
  const re2::StringPiece text(name.data(), name.size());
  return std::any_of(compiled_->all.begin(), compiled_->all.end(),
                     [&](const RE2& pattern) { return pattern.ok() && RE2::FullMatch(text, pattern); });
}

std::optional<std::string> Patterns::problem(const std::string& pattern) {
  const RE2 compiled(pattern, quiet());
  if (compiled.ok()) return std::nullopt;
  return "is no regular expression of RE2's syntax (no look-ahead, no back references): " + compiled.error();
}

}  // namespace e2k::config
