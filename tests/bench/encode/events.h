// Events for the encoders and for the libraries that they are compared with.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "worker/encode/encoder.h"

namespace e2k::worker::bench {

inline constexpr size_t kValues = 4096;

inline std::vector<double> measured_values() {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> between(-1000, 1000);
  std::vector<double> values(kValues);
  for (double& value : values) value = between(random);
  return values;
}

inline std::vector<double> counts() {
  std::vector<double> values(kValues);
  for (size_t i = 0; i < kValues; ++i) values[i] = static_cast<double>(1000 * i);
  return values;
}

// The next `elements` of `values`, from `at` on; moves `at`. The event looks into `values`.
inline EventView event_of(const std::vector<double>& values, size_t& at, size_t elements) {
  if (at + elements > values.size()) at = 0;
  EventView event;
  event.type = DbrType::float64;
  event.count = static_cast<uint32_t>(elements);
  event.status = 4;
  event.severity = 1;
  event.value = std::as_bytes(std::span(values).subspan(at, elements));
  at += elements;
  return event;
}

}  // namespace e2k::worker::bench
