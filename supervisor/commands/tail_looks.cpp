// The part of the Tail that looks at the topic.
#include <fmt/format.h>

#include <boost/asio/post.hpp>

#include "common/log.h"
#include "supervisor/commands/broker_problems.h"
#include "supervisor/commands/kafka_tail.h"

namespace e2k::supervisor {
namespace {

using boost::system::error_code;
using std::chrono::milliseconds;

constexpr milliseconds kRetry{500};       // while the topic can't be read
constexpr milliseconds kLookAgain{5000};  // partitions and cleanup policy of a topic that can

}  // namespace

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
  if (consumer_->login().take_outdated())
    return make_consumer_anew("brokers refused the login, and its certificates were replaced");
  if (consumer_->watch().is_abandoned(true)) return make_consumer_anew("it tried no broker any more");
  boost::asio::post(asker_, [this] { question_.end_if_unused(); });
  const bool may_create = create_topic_ && !seen_;
  boost::asio::post(admin_, [this, may_create, alive = alive_] {
    if (ending_) return;
    TopicLook found =
        look_at(TopicAdmin(consumer_->get(), topic_, kAdminTimeout), may_create, replication_factor_);
    boost::asio::post(loop_, [this, alive, found = std::move(found)] {
      if (!*alive) return;
      looking_ = false;
      on_look(found);
    });
  });
}

void KafkaTail::on_look(const TopicLook& found) {
  if (found.created) log::info("commands.topic_created topic={} cleanup_policy=compact", log::quoted(topic_));
  const auto code = found.error.code;
  const bool missing = is_missing(code);
  const bool down = code != RD_KAFKA_RESP_ERR_NO_ERROR && !missing && !is_refused(code);
  problem(ReasonCode::command_topic_missing, problems_.missing(found, seen_));
  if (!down) consumer_->watch().answered();
  kafka::Trouble trouble = down ? consumer_->watch().trouble() : kafka::Trouble{};
  if (down && trouble.words.empty()) trouble.words = found.error.message;
  if (down) last_error_ = fmt::format("{}: {}", rd_kafka_err2name(code), trouble.words);
  problems_with_brokers(trouble);
  judge_fetching(found);
  // A broker that is just starting may answer so too; to read the topic once more then does no harm.
  if (missing && seen_) vanished_ = true;
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return look_after(kRetry);
  if (vanished_ || (!found.id.empty() && !id_.empty() && found.id != id_)) start_over();
  last_error_.clear();
  seen_ = true;
  if (!found.id.empty()) id_ = found.id;
  if (found.cleanup_policy) problem(ReasonCode::command_topic_not_compacted, problems_.not_compacted(found));
  callbacks_.unknown(problems_.settings_hidden(found));
  assign(found);
  look_after(fetching_.is_in_doubt() ? kRetry : kLookAgain);
}

void KafkaTail::judge_fetching(const TopicLook& found) {
  const MonotonicNs now = monotonic_now();
  for (const int32_t partition : found.partitions) {
    const auto extent = found.extents.find(partition);
    const bool has_leader = std::ranges::find(found.leaderless, partition) == found.leaderless.end();
    fetching_.looked(partition, has_leader,
                     extent == found.extents.end() ? std::nullopt : std::optional(extent->second.end), now,
                     real_now());
  }
  problem(ReasonCode::command_topic_not_authorised, problems_.not_authorised(found, fetching_));
  problem(ReasonCode::command_topic_stalled, problems_.stalled(fetching_, now));
  // Going back to a position is for where nothing came: what is taken already would come twice.
  if (!batch_.empty()) return;
  for (const int32_t partition : fetching_.to_ask_again()) {
    const auto next = next_.find(partition);
    consumer_->partitions().ask_again(partition,
                                      next == next_.end() ? RD_KAFKA_OFFSET_BEGINNING : next->second);
  }
}

// A topic that was made anew has other records under the same offsets.
void KafkaTail::start_over() {
  vanished_ = false;
  consumer_->partitions().unassign();
  batch_.clear();
  id_.clear();
  assigned_.clear();
  ended_.clear();
  next_.clear();
  fetching_.forget();
  callbacks_.started_over();
  serve_soon();  // what is left in the queue would keep it from telling of more
}

void KafkaTail::assign(const TopicLook& found) {
  TopicLog log{found.id, {}};
  for (const auto& [partition, extent] : found.extents) log.begins[partition] = extent.begin;
  callbacks_.reading(found.partitions, log);
  int64_t records = 0;
  for (const auto& [partition, extent] : found.extents) records += extent.end - extent.begin;
  callbacks_.expecting(static_cast<size_t>(std::max<int64_t>(records, 0)));
  // Told as a number: where a former log of that name began is what librdkafka may take for the beginning.
  for (const auto& [partition, begin] : log.begins) next_.try_emplace(partition, begin);
  go_on_reading(found.partitions);
}

void KafkaTail::go_on_reading(const std::vector<int32_t>& partitions) {
  std::map<int32_t, int64_t> begins;
  for (int32_t partition : partitions) {
    if (!assigned_.insert(partition).second) continue;
    const auto next = next_.find(partition);
    begins[partition] = next == next_.end() ? RD_KAFKA_OFFSET_BEGINNING : next->second;
    fetching_.begin(partition);
  }
  if (begins.empty()) return;
  if (const auto assigned = consumer_->partitions().assign(topic_, begins); !assigned) {
    last_error_ = assigned.error().message;
    log::error("commands.assign_failed error={}", log::quoted(last_error_));
  }
}

void KafkaTail::problem(ReasonCode code, const std::string& message) {
  callbacks_.problem(code, message);
}

}  // namespace e2k::supervisor
