// Shell. Reads the command topic: from its beginning, then live, without ever blocking the event loop. What
// counts of it, and how far it was read, is Replay's to say.
//
// Before reading, the topic is described; when absent it is created compacted with one partition
// (create_topic), when not compacted a Problem is reported and reading goes on. All partitions are assigned
// from their beginning; no group is joined, nothing committed. A topic that vanishes is a Problem; when it is
// back it is read from its beginning again, and so is one that was made anew meanwhile, however long it is:
// what comes live, and the last that comes before the end, is handed on only when the topic's id was asked
// once more. Whether it can be read is judged by what comes, not by what brokers say of it (fetch_watch.h).
// All callbacks come on the loop's thread. Broker outages are waited out; `problem` tells.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "common/config/config.h"
#include "common/result.h"
#include "supervisor/commands/topic_record.h"
#include "supervisor/status/reason_code.h"

namespace e2k::supervisor {

class Tail {
public:
  struct Callbacks {
    // The partitions that are read, and of which log, before the first record of any: once a start, and
    // whenever the topic was looked at.
    std::function<void(std::span<const int32_t> partitions, const TopicLog& log)> reading;
    // How many records it may hold, before the first of them.
    std::function<void(size_t records)> expecting = [](size_t) {};
    std::function<void(const TopicRecord&)> record;
    // The partition has no more records for now; `offset` is behind its last one. Comes again after each
    // burst.
    std::function<void(int32_t partition, int64_t offset)> end;
    // The topic had vanished or was made anew, and its partitions are to be read from their beginning again:
    // reading() is next.
    std::function<void()> started_over;
    // After a burst of records was delivered (so that changes are planned once a burst).
    std::function<void()> batch_end;
    // A standing reason of the tail's, or of the brokers', with a message that names the remedy; an empty
    // message ends it.
    std::function<void(ReasonCode code, const std::string& message)> problem;
    // What can't be known of the topic, and why; "": all is known.
    std::function<void(const std::string& message)> unknown = [](const std::string&) {};
  };

  static Result<std::unique_ptr<Tail>> start(boost::asio::io_context& loop, const Config& config,
                                             Callbacks callbacks);
  virtual ~Tail() = default;

  // librdkafka's last error in its own words, "" while brokers answer.
  virtual std::string last_error() const = 0;
};

}  // namespace e2k::supervisor
