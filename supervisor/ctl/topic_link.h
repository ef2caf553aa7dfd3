// Shell. The command topic on its brokers: read whole, and written with every record acknowledged.
//
// Blocking, each call under one deadline for the whole of it; a passed deadline is Exit::timed_out with
// librdkafka's last words. Records are written with acks=all; one that Kafka refuses is named by its key.
#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include "supervisor/ctl/topic_picture.h"
#include "supervisor/ctl/topic_settings.h"

namespace e2k::supervisor::ctl {

struct Delivered {
  int32_t partition = -1;
  int64_t offset = -1;
};

// Everything that the topic holds now. A missing topic is Exit::not_found; with `create`, and where the
// configuration does not forbid it, it is made compacted and is then empty.
Outcome<std::vector<TopicRecord>> read_topic(const TopicSettings& settings, std::chrono::milliseconds timeout,
                                             bool create);

// All of `writes`, of which each has a key of its own; `progress` hears how many are acknowledged.
Outcome<std::vector<Delivered>> write_topic(const TopicSettings& settings,
                                            const std::vector<TopicWrite>& writes,
                                            std::chrono::milliseconds timeout,
                                            const std::function<void(size_t done)>& progress);

}  // namespace e2k::supervisor::ctl
