#include "supervisor/ctl/topic_window.h"

#include <fmt/format.h>

#include <algorithm>

#include "supervisor/commands/assigned_consumer.h"
#include "supervisor/commands/deadline.h"
#include "supervisor/ctl/topic_connection.h"
#include "supervisor/ctl/topic_reading.h"

namespace e2k::supervisor::ctl {
namespace {

using std::chrono::milliseconds;
using Offsets = std::map<int32_t, int64_t>;

constexpr int64_t kTailRecords = 50;

class WindowReading {
public:
  WindowReading(const TopicSettings& settings, std::string topic, const Window& window, milliseconds timeout,
                size_t most)
      : settings_(settings), topic_(std::move(topic)), window_(window), timeout_(timeout), most_(most) {}

  Outcome<WindowRead> read() {
    if (auto ready = open(); !ready) return tl::unexpected(ready.error());
    if (auto ready = find_ends(); !ready) return tl::unexpected(ready.error());
    if (auto ready = look_at_newest(); !ready) return tl::unexpected(ready.error());
    const auto begins = find_begins();
    if (!begins) return tl::unexpected(begins.error());
    const auto read = visit(*begins, [this](const rd_kafka_message_t& message, int64_t stamp_ms) {
      const int64_t stamp = true_stamp_ms(stamp_ms, window_.now_ms);
      if (stamp < window_.from_ms || stamp >= window_.to_ms) return;
      found_.records.push_back({bytes_of(message.key, message.key_len),
                                bytes_of(message.payload, message.len), stamp, message.partition,
                                message.offset});
    });
    if (!read) return tl::unexpected(read.error());
    return std::move(found_);
  }

private:
  tl::unexpected<Failure> failure(const KafkaError& error) const {
    return tl::unexpected(refused(settings_, "the topic " + topic_, error));
  }
  tl::unexpected<Failure> failure(rd_kafka_resp_err_t code) const {
    if (code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT) return silence();
    return failure(KafkaError{code, rd_kafka_err2str(code)});
  }
  tl::unexpected<Failure> silence() const {
    return tl::unexpected(timed_out(settings_, *connection_, timeout_,
                                    fmt::format("the topic {} was not read to its end", topic_)));
  }
  int timeout_ms() const { return static_cast<int>(timeout_.count()); }

  Outcome<void> open() {
    auto opened = connect_reader(settings_, Deadline(timeout_));
    if (!opened) return tl::unexpected(opened.error());
    connection_ = std::move(*opened);
    return {};
  }

  Outcome<void> find_ends() {
    const auto partitions = TopicAdmin(connection_->get(), topic_, timeout_).partitions();
    if (!partitions) {
      const auto code = partitions.error().code;
      if (code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT) return silence();
      return failure(partitions.error());
    }
    for (const int32_t partition : *partitions) {
      int64_t low = 0, high = 0;
      const auto code = rd_kafka_query_watermark_offsets(connection_->get(), topic_.c_str(), partition, &low,
                                                         &high, timeout_ms());
      if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return failure(code);
      if (low < high) ends_[partition] = {low, high};
    }
    return {};
  }

  // The last ones of each partition tell of which kind the stamps are.
  Outcome<void> look_at_newest() {
    Offsets begins;
    for (const auto& [partition, range] : ends_)
      begins[partition] = std::max(range.low, range.high - kTailRecords);
    size_t seen = 0, early = 0;
    const auto read = visit(begins, [&](const rd_kafka_message_t&, int64_t stamp_ms) {
      ++seen;
      if (true_stamp_ms(stamp_ms, window_.now_ms) != stamp_ms) ++early;
    });
    if (!read) return tl::unexpected(read.error());
    found_.early_stamps = 2 * early > seen;
    return {};
  }

  Outcome<Offsets> find_begins() const {
    Offsets begins;
    if (ends_.empty()) return begins;
    const int64_t from = found_.early_stamps ? window_.from_ms - kEpochsApartMs : window_.from_ms;
    const kafka::PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(ends_.size())));
    for (const auto& [partition, range] : ends_)
      rd_kafka_topic_partition_list_add(list.get(), topic_.c_str(), partition)->offset =
          std::max<int64_t>(0, from);
    const auto code = rd_kafka_offsets_for_times(connection_->get(), list.get(), timeout_ms());
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return failure(code);
    for (int i = 0; i < list->cnt; ++i) {
      const rd_kafka_topic_partition_t& found = list->elems[i];
      if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) return failure(found.err);
      // A negative one: no stamp is that late.
      if (found.offset >= 0) begins[found.partition] = found.offset;
    }
    return begins;
  }

  // Calls `take` for every record from `begins` up to the ends.
  template <class Take>
  Outcome<void> visit(const Offsets& begins, const Take& take) {
    std::map<int32_t, int64_t> open;
    for (const auto& [partition, offset] : begins)
      if (offset < ends_.at(partition).high) open[partition] = ends_.at(partition).high;
    if (open.empty()) return {};
    AssignedConsumer consumer(connection_->get());
    if (auto assigned = consumer.assign(topic_, begins); !assigned) return failure(assigned.error());
    Deadline deadline(timeout_);
    while (!open.empty()) {
      if (deadline.passed()) return silence();
      const Message message = consumer.next(deadline.turn_ms());
      if (!message) continue;
      if (is_refusal(message->err) || is_missing(message->err))
        return failure(KafkaError{message->err, rd_kafka_message_errstr(message.get())});
      const bool at_end = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && !at_end) continue;  // librdkafka tries again
      deadline = Deadline(timeout_);
      const auto end = open.find(message->partition);
      if (end == open.end()) continue;
      if (!at_end && message->offset < end->second)
        take(*message, rd_kafka_message_timestamp(message.get(), nullptr));
      if (at_end || message->offset + 1 >= end->second) open.erase(end);
      if (found_.records.size() > most_)
        return tl::unexpected(
            Failure{Exit::failed, fmt::format("{} has more than {} records in the window; take a "
                                              "shorter one (--seconds), or raise --max-records",
                                              topic_, most_)});
    }
    return {};
  }

  struct Range {
    int64_t low, high;
  };
  const TopicSettings& settings_;
  const std::string topic_;
  const Window window_;
  const milliseconds timeout_;
  const size_t most_;
  std::unique_ptr<KafkaConnection> connection_;
  std::map<int32_t, Range> ends_;
  WindowRead found_;
};

}  // namespace

Outcome<WindowRead> read_window(const TopicSettings& settings, const std::string& topic, const Window& window,
                                milliseconds timeout, size_t most) {
  return WindowReading(settings, topic, window, timeout, most).read();
}

}  // namespace e2k::supervisor::ctl
