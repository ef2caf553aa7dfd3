#include "supervisor/ctl/topic_making.h"

#include <fmt/format.h>

#include <istream>
#include <ostream>
#include <string>

#include "supervisor/commands/deadline.h"
#include "supervisor/ctl/topic_connection.h"
#include "supervisor/ctl/topic_reading.h"

namespace e2k::supervisor::ctl {
namespace {

Failure failure(const TopicUse& use, KafkaConnection& connection, const KafkaError& error) {
  if (error.code == RD_KAFKA_RESP_ERR__TIMED_OUT || error.code == RD_KAFKA_RESP_ERR__TRANSPORT)
    return timed_out(use.settings, connection, use.timeout, "no broker answers");
  return refused(use.settings, "the command topic " + use.settings.topic, error);
}

bool agreed(const TopicUse& use, std::istream& answers) {
  use.output.err << "delete the command topic " << use.settings.topic << " on " << use.settings.servers
                 << " with all its commands? [y/N] " << std::flush;
  std::string answer;
  std::getline(answers, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

Exit say(const TopicUse& use, const std::string& what, bool made) {
  if (use.output.json)
    use.output.out << fmt::format(R"({{"api":1,"topic":"{}","changed":{}}})", use.settings.topic, made)
                   << '\n';
  else
    use.output.out << what << '\n';
  return Exit::ok;
}

}  // namespace

Exit make_command_topic(const TopicUse& use) {
  const auto connection = connect_reader(use.settings, Deadline(use.timeout));
  if (!connection) return complain(connection.error(), use.output);
  const std::string& topic = use.settings.topic;
  const TopicAdmin admin((*connection)->get(), topic, use.timeout);
  const auto partitions = admin.partitions();
  if (!partitions && !is_missing(partitions.error().code))
    return complain(failure(use, **connection, partitions.error()), use.output);
  if (!partitions) {
    if (const auto made = admin.create(use.settings.replication_factor); !made)
      return complain(failure(use, **connection, made.error()), use.output);
    return say(use, "the command topic " + topic + " is made, compacted", true);
  }
  const auto policy = admin.cleanup_policy();
  if (policy && *policy != "compact")
    return complain(
        {Exit::failed,
         fmt::format("the command topic {} exists with cleanup.policy={}: its commands would be erased by "
                     "age; kafka-configs.sh --bootstrap-server {} --alter --topic {} --add-config "
                     "cleanup.policy=compact",
                     topic, *policy, use.settings.servers, topic)},
        use.output);
  return say(use, "the command topic " + topic + " exists already", false);
}

Exit delete_command_topic(const TopicUse& use, bool yes, std::istream& answers) {
  const auto connection = connect_reader(use.settings, Deadline(use.timeout));
  if (!connection) return complain(connection.error(), use.output);
  const TopicAdmin admin((*connection)->get(), use.settings.topic, use.timeout);
  // First, so that nobody is asked about what is not there.
  if (const auto partitions = admin.partitions(); !partitions)
    return complain(failure(use, **connection, partitions.error()), use.output);
  if (!yes && !agreed(use, answers)) return complain({Exit::failed, "nothing is deleted"}, use.output);
  if (const auto gone = admin.remove(); !gone)
    return complain(failure(use, **connection, gone.error()), use.output);
  return say(use, "the command topic " + use.settings.topic + " is deleted", true);
}

}  // namespace e2k::supervisor::ctl
