// Pure. Regular expressions that foreign names are held against.
//
// Of RE2, not of the standard library: names come from whoever may write to the command topic, and a
// backtracking matcher needs a time that grows exponentially with some of them. The syntax is RE2's: no
// look-ahead, no back references. Copies share what was compiled; any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace e2k::config {

class Patterns {
public:
  // Each must be one that `problem` says nothing of; others match nothing.
  explicit Patterns(const std::vector<std::string>& patterns);
  // Whether one of them matches the whole name.
  bool match(std::string_view name) const;

  // Why that is no regular expression, or nothing.
  static std::optional<std::string> problem(const std::string& pattern);

private:
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace e2k::config
