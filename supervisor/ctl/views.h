// Pure. The supervisor's lists as tables. A document of another shape than expected gives gaps, never
// an error.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace e2k::supervisor::ctl {

std::string workers_text(const nlohmann::json& workers);  // an array
std::string topics_text(const nlohmann::json& topics);    // an array, with rates
std::string rejected_text(const nlohmann::json& rejected);

// The entries' table, which comes in parts, the heading with the first.
class ChannelsText {
public:
  std::string part(const nlohmann::json& entries);  // an array

private:
  std::vector<size_t> widths_;
};

}  // namespace e2k::supervisor::ctl
