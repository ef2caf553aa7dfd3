// Pure. What `top` shows, from the supervisor's answers; rates of workers are those between two of them.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "supervisor/ctl/words.h"

namespace e2k::supervisor::ctl {

enum class TopOrder { name, in, out, waiting, lost };

class TopView {
public:
  // `hosts` and `channels` are items; channels those that are not connected.
  void take(nlohmann::json status, nlohmann::json hosts, nlohmann::json channels, double now_s,
            int64_t now_unix_ns);
  // Whether the key means something: s, i, o, w, l choose the order.
  bool press(char key);

  // At most `lines` lines of `columns` columns.
  std::string screen(size_t lines, size_t columns, const Paint& paint) const;
  // For what is no terminal: one line.
  std::string line() const;

private:
  struct Sums {
    double received = 0, acknowledged = 0;
  };
  std::string workers() const;
  std::string hosts() const;
  std::string channels() const;
  std::string reasons() const;

  nlohmann::json status_, hosts_, channels_;
  std::map<std::string, Sums> before_, rates_;  // by slot
  double looked_at_s_ = 0;
  int64_t now_unix_ns_ = 0;
  TopOrder order_ = TopOrder::name;
};

}  // namespace e2k::supervisor::ctl
