// Pure. How topics are shared out among the producers of the main lane.
//
// With idempotence librdkafka looks at every partition of a producer for each produce request, and a request
// holds one partition: the cost of a request grows with its producer's topics. A connection has five requests
// under way at the most besides. So the first topics share one producer, and what comes beyond goes to
// further ones, each made when it is first needed.
//
// A topic stays with its producer as long as its feed lives, because each producer keeps an order of its own.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

namespace e2k::worker {

// More of them bring nothing up to 2,000 topics, and little above; each has threads and connections.
inline constexpr size_t kMainProducers = 4;
// So few cost a request less than the request itself does.
inline constexpr size_t kTopicsOfAProducer = 500;

// The one that the next topic goes to, of the first `usable`; at least one is. `share`: of each, before the
// next one is begun.
inline size_t producer_for_next(const std::array<size_t, kMainProducers>& topics, size_t usable,
                                size_t share = kTopicsOfAProducer) {
  const auto* const end = topics.begin() + usable;
  const auto* const found = std::find_if(topics.begin(), end, [&](size_t count) { return count < share; });
  return static_cast<size_t>((found != end ? found : std::min_element(topics.begin(), end)) - topics.begin());
}

}  // namespace e2k::worker
