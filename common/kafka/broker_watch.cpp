#include "common/kafka/broker_watch.h"

#include <cstdlib>

#include "common/clock.h"

namespace e2k::kafka {
namespace {

constexpr const char* kName = "e2k_broker_watch";

bool is_connected(std::string_view state) {
  return state != "INIT" && state != "DOWN" && state != "TRY_CONNECT" && state != "CONNECT";
}

// 0 where librdkafka knows no such property.
int64_t milliseconds_of(const rd_kafka_conf_t* conf, const char* property) {
  char text[32] = "";
  size_t bytes = sizeof text;
  return rd_kafka_conf_get(conf, property, text, &bytes) == RD_KAFKA_CONF_OK ? std::atoll(text) : 0;
}

}  // namespace

void BrokerWatch::hang_into(rd_kafka_conf_t* conf) {
  for (const char* property : {"api.version.request.timeout.ms", "socket.connection.setup.timeout.ms"})
    if (const int64_t ms = milliseconds_of(conf, property); ms > 0) closings_.know_time_out(ms * kNsPerMs);
  abandonment_.know_wait(3 * kNsPerMs * milliseconds_of(conf, "reconnect.backoff.max.ms"));
  abandonment_.know_wait(2 * kNsPerMs * milliseconds_of(conf, "socket.connection.setup.timeout.ms"));
  rd_kafka_conf_interceptor_add_on_new(conf, kName, &BrokerWatch::on_new, this);
}

rd_kafka_resp_err_t BrokerWatch::on_new(rd_kafka_t* handle, const rd_kafka_conf_t*, void* self, char*,
                                        size_t) {
  return rd_kafka_interceptor_add_on_broker_state_change(handle, kName, &BrokerWatch::on_state, self);
}

// On a broker's thread, under locks of librdkafka: it must not be called back from here.
rd_kafka_resp_err_t BrokerWatch::on_state(rd_kafka_t*, int32_t broker, const char* protocol, const char* name,
                                          int port, const char* state, void* self) {
  auto& watch = *static_cast<BrokerWatch*>(self);
  const std::lock_guard guard(watch.lock_);
  const std::string address = std::string(name) + ":" + std::to_string(port);
  const int64_t now_ns = monotonic_now().value;
  // One that was learned has its own connection, mostly to an address of bootstrap.servers.
  const std::string who = broker >= 0 ? "broker " + std::to_string(broker) : address;
  watch.abandonment_.change(who, is_connected(state), now_ns);
  watch.closings_.take(address, protocol, state, now_ns);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void BrokerWatch::heard(rd_kafka_resp_err_t code, std::string_view text) {
  const std::lock_guard guard(lock_);
  complaint_.take(code, text);
}

void BrokerWatch::heard_log(std::string_view facility, std::string_view text) {
  if (facility != "FAIL" && facility != "REQTMOUT" && facility != "SASLREFRESH") return;
  heard(RD_KAFKA_RESP_ERR__FAIL, text);
}

void BrokerWatch::answered() {
  const std::lock_guard guard(lock_);
  complaint_.forget();
}

std::string BrokerWatch::closing() const {
  const std::lock_guard guard(lock_);
  return closings_.words();
}

bool BrokerWatch::is_abandoned(bool wanted) {
  const std::lock_guard guard(lock_);
  return abandonment_.is_so(wanted, monotonic_now().value);
}

Trouble BrokerWatch::trouble() const {
  const std::lock_guard guard(lock_);
  const bool any = abandonment_.is_connected();
  // Who listens by now was not there when it was complained.
  const bool is_past = complaint_.kind() == ErrorKind::down && any;
  if (complaint_.kind() != ErrorKind::none && !is_past) return {complaint_.kind(), complaint_.text()};
  return {any ? ErrorKind::silent : ErrorKind::down, ""};
}

}  // namespace e2k::kafka
