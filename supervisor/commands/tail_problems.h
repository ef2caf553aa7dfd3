// Pure. What is said of a command topic that can't be read as it should: its reasons' texts, each with the
// thing and the remedy; "" where there is nothing to say.
#pragma once

#include <string>

#include "common/clock.h"
#include "supervisor/commands/fetch_watch.h"
#include "supervisor/commands/topic_look.h"

namespace e2k::supervisor {

class TailProblems {
public:
  TailProblems(std::string topic, std::string servers)
      : topic_(std::move(topic)), servers_(std::move(servers)) {}

  // `was_there`: it was seen before.
  std::string missing(const TopicLook& found, bool was_there) const;
  // Of a look that was refused, and of fetching that is.
  std::string not_authorised(const TopicLook& found, const FetchWatch& fetching) const;
  std::string stalled(const FetchWatch& fetching, MonotonicNs now) const;
  std::string not_compacted(const TopicLook& found) const;
  // Why it is not known whether it is compacted.
  std::string settings_hidden(const TopicLook& found) const;

private:
  std::string topic_, servers_;
};

}  // namespace e2k::supervisor
