#include "supervisor/ctl/alarms.h"

#include <map>
#include <ostream>
#include <set>

#include "supervisor/commands/assigned_consumer.h"
#include "supervisor/ctl/active_alarms.h"
#include "supervisor/ctl/interruption.h"
#include "supervisor/ctl/table.h"
#include "supervisor/ctl/topic_connection.h"
#include "supervisor/ctl/topic_reading.h"
#include "supervisor/ctl/words.h"

namespace e2k::supervisor::ctl {
namespace {

constexpr int kTurnMs = 200;

void print_all(const ActiveAlarms& active, const Output& output) {
  if (output.json) {
    output.out << active.document().dump() << std::endl;
    return;
  }
  for (const std::string& line : active.lines()) output.out << line << '\n';
  if (active.empty()) output.out << "nothing is in alarm\n";
  output.out << std::flush;
}

}  // namespace

Exit alarms(const TopicUse& use, const AlarmsRequest& request) {
  const std::string what = "the topic of active alarms " + request.topic;
  const auto connection = connect_reader(use.settings, Deadline(use.timeout));
  if (!connection) return complain(connection.error(), use.output);
  const auto partitions = TopicAdmin((*connection)->get(), request.topic, use.timeout).partitions();
  if (!partitions) return complain(refused(use.settings, what, partitions.error()), use.output);
  std::map<int32_t, int64_t> begins;
  for (const int32_t partition : *partitions) begins[partition] = RD_KAFKA_OFFSET_BEGINNING;
  std::set<int32_t> unread(partitions->begin(), partitions->end());
  AssignedConsumer consumer((*connection)->get());
  if (auto assigned = consumer.assign(request.topic, begins); !assigned)
    return complain(refused(use.settings, what, assigned.error()), use.output);
  ActiveAlarms active;
  const Interruption interruption;
  Deadline deadline(use.timeout);
  for (bool shown = false; !interruption.came();) {
    if (!shown && unread.empty()) {
      print_all(active, use.output);
      if (!request.monitor) return Exit::ok;
      shown = true;
    }
    if (!shown && deadline.passed())
      return complain(timed_out(use.settings, **connection, use.timeout, what), use.output);
    const Message message = consumer.next(kTurnMs);
    if (!message) continue;
    if (is_refusal(message->err) || is_missing(message->err))
      return complain(refused(use.settings, what, {message->err, rd_kafka_message_errstr(message.get())}),
                      use.output);
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) unread.erase(message->partition);
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;  // librdkafka tries again
    deadline = Deadline(use.timeout);
    const auto key = bytes_of(message->key, message->key_len);
    if (!key || !active.take(*key, bytes_of(message->payload, message->len))) {
      use.output.err << printable(request.topic) << ' ' << message->partition << ' ' << message->offset
                     << ": no alarm's record, left out\n";
      continue;
    }
    if (!shown) continue;
    if (use.output.json)
      print_all(active, use.output);
    else
      use.output.out << active.line_of(*key) << std::endl;
  }
  return Exit::ok;
}

}  // namespace e2k::supervisor::ctl
