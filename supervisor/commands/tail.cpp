#include "supervisor/commands/tail.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <set>
#include <utility>

#include "common/fd.h"
#include "common/log.h"
#include "supervisor/commands/broker_problems.h"
#include "supervisor/commands/command_consumer.h"
#include "supervisor/commands/topic_admin.h"

namespace e2k::supervisor {
namespace {

using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kAdminTimeout{2000};
constexpr milliseconds kRetry{500};       // while the topic can't be read
constexpr milliseconds kLookAgain{5000};  // partitions and cleanup policy of a topic that can
// Records handled before the loop gets a turn for its other work.
constexpr int kRecordsPerTurn = 2000;

// What a look at the topic found; made on the admin thread, judged on the loop.
struct Look {
  std::vector<int32_t> partitions;
  KafkaError error;  // of the description
  bool created = false;
  KafkaError create_error;     // of making it
  std::string cleanup_policy;  // "" when it could not be asked
};

Look look(const TopicAdmin& admin, bool may_create, int replication_factor) {
  Look found;
  auto partitions = admin.partitions();
  if (!partitions && may_create && partitions.error().code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
    auto created = admin.create(replication_factor);
    if (!created) found.create_error = created.error();
    found.created = created.has_value();
    // A fresh topic takes a moment to reach the metadata; the next look will find it.
    if (created) partitions = admin.partitions();
  }
  if (!partitions) {
    found.error = partitions.error();
    return found;
  }
  found.partitions = *partitions;
  if (auto policy = admin.cleanup_policy()) found.cleanup_policy = *policy;
  return found;
}

class KafkaTail final : public Tail {
public:
  KafkaTail(boost::asio::io_context& loop, const Config& config, Callbacks callbacks)
      : loop_(loop),
        topic_(config.commands.topic),
        create_topic_(config.commands.create_topic),
        replication_factor_(config.commands.replication_factor),
        servers_(servers_of(config)),
        properties_(CommandConsumer::properties_of(config)),
        callbacks_(std::move(callbacks)),
        wake_(loop),
        look_timer_(loop) {}

  ~KafkaTail() override {
    *alive_ = false;
    admin_.join();
    consumer_.reset();
  }

  Result<void> begin();

  std::string last_error() const override { return last_error_; }

private:
  static std::string servers_of(const Config& config);
  Result<std::unique_ptr<CommandConsumer>> make_consumer();
  Result<void> watch_queue();
  void make_consumer_anew();
  void use_instead(Result<std::unique_ptr<CommandConsumer>> made);
  void serve_soon();
  void wait_for_events();
  void serve();
  void on_message(const rd_kafka_message_t& message);
  void on_end(const rd_kafka_message_t& message);
  void on_error(rd_kafka_resp_err_t code, const std::string& text);
  void look_after(milliseconds delay);
  void start_look();
  void on_look(const Look& found);
  void start_over();
  void assign(const std::vector<int32_t>& partitions);
  void problem(ReasonCode code, const std::string& message);
  void end_of_problems_with_brokers();
  void problems_with_brokers(const kafka::Trouble& trouble);

  boost::asio::io_context& loop_;
  std::string topic_;
  bool create_topic_;
  int replication_factor_;
  std::string servers_;
  const std::map<std::string, std::string> properties_;  // of the handle
  Callbacks callbacks_;

  std::unique_ptr<CommandConsumer> consumer_;
  boost::asio::posix::stream_descriptor wake_;  // the read end of a pipe that librdkafka writes to
  UniqueFd wake_writer_;
  boost::asio::steady_timer look_timer_;
  boost::asio::thread_pool admin_{1};
  bool looking_ = false;

  std::set<int32_t> assigned_;
  std::map<int32_t, int64_t> next_;  // by partition: where another handle goes on
  bool seen_ = false;                // the topic was there once: if it goes it is not made again
  bool vanished_ = false;            // it went, and has not come back
  bool serve_posted_ = false;
  std::string last_error_;
  // Outlives this object in what the admin thread still posts.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

std::string KafkaTail::servers_of(const Config& config) {
  for (const Properties* side : {&config.kafka.consumer, &config.kafka.common})
    for (const char* name : {"bootstrap.servers", "metadata.broker.list"})
      if (auto found = side->find(name); found != side->end())
        return found->second.secret ? "***" : found->second.value;
  return "localhost:9092";
}

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
void KafkaTail::make_consumer_anew() {
  boost::asio::post(admin_, [this, alive = alive_] {
    boost::asio::post(loop_, [this, alive, made = make_consumer()]() mutable {
      if (!*alive) return;
      looking_ = false;
      use_instead(std::move(made));
      start_look();
    });
  });
}

// What was read stays read: the new one goes on behind it.
void KafkaTail::use_instead(Result<std::unique_ptr<CommandConsumer>> made) {
  if (!made) {
    log::error(
        "commands.kafka_not_renewed reason={} files={} remedy=\"they are read when they change again\"",
        log::quoted(made.error().message), log::quoted(consumer_->login().certificates()));
    consumer_->watch().heard(RD_KAFKA_RESP_ERR__SSL,
                             "the changed files can't be used: " + made.error().message);
    return;
  }
  consumer_->wake(-1);
  // Its end takes a while.
  boost::asio::post(admin_,
                    [before = std::exchange(consumer_, std::move(*made))]() mutable { before.reset(); });
  consumer_->wake(wake_writer_.get());
  log::info(
      "commands.kafka_renewed message=\"brokers refused the login, and its certificates were replaced\"");
  const std::set<int32_t> partitions = std::exchange(assigned_, {});
  assign({partitions.begin(), partitions.end()});
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
  int served = 0;
  bool any = false;
  while (served < kRecordsPerTurn) {
    const CommandConsumer::Message message = consumer_->poll();
    if (!message) break;
    ++served;
    any = true;
    switch (message->err) {
      case RD_KAFKA_RESP_ERR_NO_ERROR:
        on_message(*message);
        break;
      case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        on_end(*message);
        break;
      default:
        on_error(message->err, rd_kafka_message_errstr(message.get()));
        break;
    }
  }
  if (any) callbacks_.batch_end();
  if (served < kRecordsPerTurn || serve_posted_) return;
  serve_posted_ = true;
  boost::asio::post(loop_, [this, alive = alive_] {
    if (!*alive) return;
    serve_posted_ = false;
    serve();
  });
}

void KafkaTail::on_message(const rd_kafka_message_t& message) {
  end_of_problems_with_brokers();
  next_[message.partition] = message.offset + 1;
  const auto text = [](const void* data, size_t bytes) -> std::optional<std::string_view> {
    if (data == nullptr) return std::nullopt;
    return std::string_view(static_cast<const char*>(data), bytes);
  };
  rd_kafka_timestamp_type_t kind;
  callbacks_.record({message.partition, message.offset, rd_kafka_message_timestamp(&message, &kind),
                     text(message.key, message.key_len), text(message.payload, message.len)});
}

void KafkaTail::on_end(const rd_kafka_message_t& message) {
  end_of_problems_with_brokers();
  next_[message.partition] = message.offset;
  callbacks_.end(message.partition, message.offset);
}

void KafkaTail::on_error(rd_kafka_resp_err_t code, const std::string& text) {
  last_error_ = fmt::format("{}: {}", rd_kafka_err2name(code), text);
  log::debug("commands.kafka_error code={} text={}", rd_kafka_err2name(code), log::quoted(text));
  if (kafka::kind_of(code, text) != kafka::ErrorKind::none ||
      code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
      code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
    look_after(milliseconds(0));
}

void KafkaTail::end_of_problems_with_brokers() {
  if (last_error_.empty()) return;
  last_error_.clear();
  consumer_->watch().answered();
  problems_with_brokers({});
}

// Of each kind one reason, of which the others end.
void KafkaTail::problems_with_brokers(const kafka::Trouble& trouble) {
  for (const BrokerProblem& kind : broker_problems())
    problem(kind.code, kind.kind == trouble.kind
                           ? broker_problem_text(trouble, servers_, consumer_->login().certificates())
                           : "");
}

void KafkaTail::look_after(milliseconds delay) {
  if (looking_) return;
  look_timer_.expires_after(delay);
  look_timer_.async_wait([this, alive = alive_](const error_code& error) {
    if (!error && *alive) start_look();
  });
}

void KafkaTail::start_look() {
  if (looking_) return;
  looking_ = true;
  if (consumer_->login().take_outdated()) return make_consumer_anew();
  const bool may_create = create_topic_ && !seen_;
  boost::asio::post(admin_, [this, may_create, alive = alive_] {
    Look found = look(TopicAdmin(consumer_->get(), topic_, kAdminTimeout), may_create, replication_factor_);
    boost::asio::post(loop_, [this, alive, found = std::move(found)] {
      if (!*alive) return;
      looking_ = false;
      on_look(found);
    });
  });
}

void KafkaTail::on_look(const Look& found) {
  if (found.created) log::info("commands.topic_created topic={} cleanup_policy=compact", log::quoted(topic_));
  const auto code = found.error.code;
  const bool missing =
      code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
  const bool refused = code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
  const bool down = code != RD_KAFKA_RESP_ERR_NO_ERROR && !missing && !refused;
  std::string why;
  if (missing && !found.created) {
    why = fmt::format("the command topic {} does not exist", topic_);
    if (found.create_error.code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      why += fmt::format(
          " and could not be made ({}); make it: kafka-topics.sh --bootstrap-server {} --create --topic "
          "{} --partitions 1 --config cleanup.policy=compact",
          found.create_error.message, servers_, topic_);
    } else if (seen_) {
      why += " any more; nothing is removed. Make it again and import what it held (epics2kafkactl import)";
    } else {
      why += fmt::format(
          "; make it (kafka-topics.sh --bootstrap-server {} --create --topic {} --partitions 1 --config "
          "cleanup.policy=compact) or set commands.create_topic = true",
          servers_, topic_);
    }
  }
  problem(ReasonCode::command_topic_missing, why);
  problem(ReasonCode::command_topic_not_authorised,
          refused
              ? fmt::format("Kafka refuses reading and describing the command topic {}; grant both to this "
                            "client's user",
                            topic_)
              : "");
  if (!down) consumer_->watch().answered();
  kafka::Trouble trouble = down ? consumer_->watch().trouble() : kafka::Trouble{};
  if (down && trouble.words.empty()) trouble.words = found.error.message;
  if (down) last_error_ = fmt::format("{}: {}", rd_kafka_err2name(code), trouble.words);
  problems_with_brokers(trouble);
  // A broker that is just starting may answer so too; to read the topic once more then does no harm.
  if (missing && seen_) vanished_ = true;
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return look_after(kRetry);
  if (vanished_) start_over();
  last_error_.clear();
  seen_ = true;
  if (!found.cleanup_policy.empty()) {
    const bool compacted = found.cleanup_policy.find("compact") != std::string::npos &&
                           found.cleanup_policy.find("delete") == std::string::npos;
    problem(
        ReasonCode::command_topic_not_compacted,
        compacted
            ? ""
            : fmt::format("the command topic {} has cleanup.policy={}, so that commands will be deleted some "
                          "day; repair it: kafka-configs.sh --bootstrap-server {} --alter --topic {} "
                          "--add-config cleanup.policy=compact",
                          topic_, found.cleanup_policy, servers_, topic_));
  }
  assign(found.partitions);
  look_after(kLookAgain);
}

// A topic that was made anew has other records under the same offsets.
void KafkaTail::start_over() {
  vanished_ = false;
  consumer_->partitions().unassign();
  assigned_.clear();
  next_.clear();
  callbacks_.started_over();
}

void KafkaTail::assign(const std::vector<int32_t>& partitions) {
  std::map<int32_t, int64_t> begins;
  for (int32_t partition : partitions) {
    if (!assigned_.insert(partition).second) continue;
    const auto next = next_.find(partition);
    begins[partition] = next == next_.end() ? RD_KAFKA_OFFSET_BEGINNING : next->second;
  }
  if (begins.empty()) return;
  callbacks_.reading(partitions);
  if (const auto assigned = consumer_->partitions().assign(topic_, begins); !assigned) {
    last_error_ = assigned.error().message;
    log::error("commands.assign_failed error={}", log::quoted(last_error_));
  }
}

void KafkaTail::problem(ReasonCode code, const std::string& message) {
  callbacks_.problem(code, message);
}

}  // namespace

Result<std::unique_ptr<Tail>> Tail::start(boost::asio::io_context& loop, const Config& config,
                                          Callbacks callbacks) {
  auto tail = std::make_unique<KafkaTail>(loop, config, std::move(callbacks));
  if (auto begun = tail->begin(); !begun) return tl::unexpected(begun.error());
  return tail;
}

}  // namespace e2k::supervisor
