#include "supervisor/commands/kafka_tail.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <boost/asio/post.hpp>

#include "common/log.h"

namespace e2k::supervisor {
namespace {

using boost::system::error_code;
using std::chrono::milliseconds;

constexpr milliseconds kAskAgain{500};
// While the one broker that tells of ids is away, commands that others deliver don't wait for it for ever.
constexpr int kMostAsksInVain = 3;
// Records handled before the loop gets a turn for its other work.
constexpr size_t kRecordsPerTurn = 1000;

}  // namespace

Result<void> KafkaTail::begin() {
  auto made = make_consumer();
  if (!made) return tl::unexpected(made.error());
  consumer_ = std::move(*made);
  if (auto watched = watch_queue(); !watched) return watched;
  start_look();
  return {};
}

Result<std::unique_ptr<CommandConsumer>> KafkaTail::make_consumer() {
  return CommandConsumer::make(
      properties_, [this](rd_kafka_resp_err_t code, const std::string& text) { on_error(code, text); });
}

Result<void> KafkaTail::watch_queue() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return fail("no pipe could be made: too many open files");
  wake_.assign(ends[0]);
  wake_writer_.reset(ends[1]);
  consumer_->wake(ends[1]);
  wait_for_events();
  serve_soon();
  return {};
}

void KafkaTail::serve_soon() {
  boost::asio::post(loop_, [this, alive = alive_] {
    if (*alive) serve();
  });
}

// In the place of a look, so that nothing uses the handle meanwhile.
void KafkaTail::make_consumer_anew(const char* why) {
  boost::asio::post(admin_, [this, why, alive = alive_] {
    boost::asio::post(loop_, [this, why, alive, made = make_consumer()]() mutable {
      if (!*alive) return;
      looking_ = false;
      use_instead(std::move(made), why);
      start_look();
    });
  });
}

// What was read stays read: the new one goes on behind it.
void KafkaTail::use_instead(Result<std::unique_ptr<CommandConsumer>> made, const char* why) {
  if (!made) {
    log::error(
        "commands.kafka_not_renewed reason={} files={} remedy=\"they are read when they change again\"",
        log::quoted(made.error().message), log::quoted(consumer_->login().certificates()));
    consumer_->watch().heard(RD_KAFKA_RESP_ERR__SSL,
                             "the changed files can't be used: " + made.error().message);
    return;
  }
  consumer_->wake(-1);
  batch_.clear();  // it is read again
  // Its end takes a while.
  boost::asio::post(admin_,
                    [before = std::exchange(consumer_, std::move(*made))]() mutable { before.reset(); });
  consumer_->wake(wake_writer_.get());
  log::info("commands.kafka_renewed reason={}", log::quoted(why));
  const std::set<int32_t> partitions = std::exchange(assigned_, {});
  go_on_reading({partitions.begin(), partitions.end()});
  serve_soon();
}

void KafkaTail::wait_for_events() {
  wake_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                   [this, alive = alive_](const error_code& error) {
                     if (error || !*alive) return;
                     char bytes[64];
                     while (::read(wake_.native_handle(), bytes, sizeof bytes) > 0) {
                     }
                     serve();
                     wait_for_events();
                   });
}

void KafkaTail::serve() {
  if (asking_) return;
  poll();
  if (batch_.empty()) return;
  if (needs_asking()) return ask_which_log();
  hand_on();
}

// Errors are no part of the log, and are told at once.
void KafkaTail::poll() {
  while (batch_.size() < kRecordsPerTurn) {
    CommandConsumer::Message message = consumer_->poll();
    if (!message) break;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR || message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      // Here and not where it is handed on: what is held back says nothing of brokers that have gone since.
      end_of_problems_with_brokers();
      batch_.push_back(std::move(message));
      continue;
    }
    const std::string words = rd_kafka_message_errstr(message.get());
    if (is_refused(message->err)) fetching_.refused(message->partition, words);
    on_error(message->err, words);
  }
}

// A topic that is deleted and made again within moments goes on under the reader at the offset where it was.
bool KafkaTail::needs_asking() const {
  if (id_.empty()) return false;
  return ended_ == assigned_ || !ends_reached().empty() ||
         std::any_of(batch_.begin(), batch_.end(),
                     [](const auto& message) { return message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF; });
}

// By partition, behind its last record. Of those whose end was not told yet: brokers tell of it by a fetch
// that waited in vain, which takes a while.
std::map<int32_t, int64_t> KafkaTail::ends_reached() const {
  std::map<int32_t, int64_t> ends;
  if (ended_ == assigned_) return ends;
  for (const CommandConsumer::Message& message : batch_)
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && !ended_.contains(message->partition))
      ends[message->partition] = message->offset + 1;
  std::erase_if(
      ends, [this](const auto& end) { return !consumer_->partitions().is_at_end(end.first, end.second); });
  return ends;
}

void KafkaTail::ask_which_log() {
  asking_ = true;
  boost::asio::post(asker_, [this, consumer = consumer_, alive = alive_] {
    if (ending_) return;
    auto id = question_.id(consumer->get(), kAdminTimeout);
    boost::asio::post(loop_, [this, alive, id = std::move(id)] {
      if (!*alive) return;
      asking_ = false;
      on_id(id);
    });
  });
}

void KafkaTail::on_id(const KafkaResult<std::string>& id) {
  if (batch_.empty()) return serve();  // it was dropped meanwhile
  if (id || is_missing(id.error().code)) {
    asks_in_vain_ = 0;
  } else if (!is_refused(id.error().code)) {
    ++asks_in_vain_;
  }
  const bool is_in_vain = asks_in_vain_ >= kMostAsksInVain;
  if (!id && !is_refused(id.error().code) && !is_in_vain) {
    // What is held back is asked about until there is an answer; a look says what is the matter.
    asking_ = true;
    look_after(milliseconds(0));
    ask_timer_.expires_after(kAskAgain);
    ask_timer_.async_wait([this, alive = alive_](const error_code& error) {
      if (error || !*alive) return;
      ask_which_log();
    });
    return;
  }
  if (id && !id->empty() && *id != id_) {
    start_over();
    look_timer_.cancel();
    return start_look();
  }
  hand_on();
}

void KafkaTail::hand_on() {
  const std::map<int32_t, int64_t> ends = ends_reached();
  for (const CommandConsumer::Message& message : std::exchange(batch_, {})) {
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      on_message(*message);
    } else {
      on_end(message->partition, message->offset);
    }
  }
  for (const auto& [partition, next] : ends) on_end(partition, next);
  callbacks_.batch_end();
  serve_soon();  // a queue that holds something tells of no more
}

void KafkaTail::on_message(const rd_kafka_message_t& message) {
  next_[message.partition] = message.offset + 1;
  fetching_.moved(message.partition, message.offset + 1);
  const auto text = [](const void* data, size_t bytes) -> std::optional<std::string_view> {
    if (data == nullptr) return std::nullopt;
    return std::string_view(static_cast<const char*>(data), bytes);
  };
  rd_kafka_timestamp_type_t kind;
  callbacks_.record({message.partition, message.offset, rd_kafka_message_timestamp(&message, &kind),
                     text(message.key, message.key_len), text(message.payload, message.len)});
}

void KafkaTail::on_end(int32_t partition, int64_t next) {
  next_[partition] = next;
  fetching_.moved(partition, next);
  ended_.insert(partition);
  callbacks_.end(partition, next);
}

void KafkaTail::on_error(rd_kafka_resp_err_t code, const std::string& text) {
  last_error_ = fmt::format("{}: {}", rd_kafka_err2name(code), text);
  log::debug("commands.kafka_error code={} text={}", rd_kafka_err2name(code), log::quoted(text));
  if (kafka::kind_of(code, text) != kafka::ErrorKind::none || is_missing(code) || is_refused(code))
    look_after(milliseconds(0));
}

void KafkaTail::end_of_problems_with_brokers() {
  if (last_error_.empty()) return;
  last_error_.clear();
  consumer_->watch().answered();
  problems_with_brokers({});
}

Result<std::unique_ptr<Tail>> Tail::start(boost::asio::io_context& loop, const Config& config,
                                          Callbacks callbacks) {
  auto tail = std::make_unique<KafkaTail>(loop, config, std::move(callbacks));
  if (auto begun = tail->begin(); !begun) return tl::unexpected(begun.error());
  return tail;
}

}  // namespace e2k::supervisor
