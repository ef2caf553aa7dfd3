#include "supervisor/commands/command_consumer.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <utility>

#include "common/config/property_rules.h"
#include "common/log.h"

namespace e2k::supervisor {

std::map<std::string, std::string> CommandConsumer::properties_of(const Config& config) {
  std::map<std::string, std::string> properties = {{"bootstrap.servers", "localhost:9092"},
                                                   {"auto.offset.reset", "earliest"},
                                                   // What comes is answered at once. The end of an empty
                                                   // topic is told by a fetch that waited in vain.
                                                   {"fetch.wait.max.ms", "500"},
                                                   // A long topic waits at the broker, not in memory.
                                                   {"queued.min.messages", "5000"},
                                                   {"queued.max.messages.kbytes", "4096"},
                                                   // Else it pauses for a second whenever so many wait here.
                                                   {"fetch.queue.backoff.ms", "5"},
                                                   {"client.id", "epics2kafka"}};
  for (auto& [name, value] : merged_properties(config.kafka.common, config.kafka.consumer))
    properties[name] = value;
  properties["enable.auto.commit"] = "false";
  properties["enable.auto.offset.store"] = "false";
  properties["enable.partition.eof"] = "true";
  properties["allow.auto.create.topics"] = "false";
  for (const Properties* side : {&config.kafka.common, &config.kafka.consumer})
    config::name_login_files(*side, properties);
  return properties;
}

Result<std::unique_ptr<CommandConsumer>> CommandConsumer::make(std::map<std::string, std::string> properties,
                                                               OnError on_error) {
  std::unique_ptr<CommandConsumer> made(new CommandConsumer(std::move(on_error)));
  made->login_.take_from(properties);
  auto conf = kafka::make_conf(properties);
  if (!conf) return fail(conf.error().front().property + ": " + conf.error().front().reason);
  rd_kafka_conf_set_opaque(conf->get(), made.get());
  rd_kafka_conf_set_error_cb(conf->get(), [](rd_kafka_t*, int number, const char* text, void* self) {
    auto& consumer = *static_cast<CommandConsumer*>(self);
    const auto code = static_cast<rd_kafka_resp_err_t>(number);
    consumer.watch_.heard(code, text);
    consumer.login_.heard(kafka::kind_of(code, text));
    consumer.on_error_(code, text);
  });
  rd_kafka_conf_set_log_cb(
      conf->get(), [](const rd_kafka_t* handle, int, const char* facility, const char* text) {
        log::debug("kafka.log facility={} text={}", facility, log::quoted(text));
        static_cast<CommandConsumer*>(rd_kafka_opaque(handle))->watch_.heard_log(facility, text);
      });
  rd_kafka_conf_set_socket_cb(conf->get(), [](int domain, int type, int protocol, void* self) {
    static_cast<CommandConsumer*>(self)->login_.renew();
    return ::socket(domain, type | SOCK_CLOEXEC, protocol);
  });
  auto handle = kafka::start_handle(RD_KAFKA_CONSUMER, std::move(*conf), made->watch_);
  if (!handle) return fail("[kafka]: " + handle.error().message);
  made->handle_ = handle->release();
  made->login_.attach(made->handle_);
  made->partitions_ = std::make_unique<AssignedConsumer>(made->handle_);
  return made;
}

CommandConsumer::~CommandConsumer() {
  if (handle_ == nullptr) return;
  partitions_.reset();
  rd_kafka_destroy_flags(handle_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

}  // namespace e2k::supervisor
