#include "common/kafka/broker_watch.h"

#include <algorithm>

namespace e2k::kafka {
namespace {

constexpr const char* kName = "e2k_broker_watch";

bool is_connected(std::string_view state) {
  return state != "INIT" && state != "DOWN" && state != "TRY_CONNECT" && state != "CONNECT";
}

}  // namespace

void BrokerWatch::hang_into(rd_kafka_conf_t* conf) {
  rd_kafka_conf_interceptor_add_on_new(conf, kName, &BrokerWatch::on_new, this);
}

rd_kafka_resp_err_t BrokerWatch::on_new(rd_kafka_t* handle, const rd_kafka_conf_t*, void* self, char*,
                                        size_t) {
  return rd_kafka_interceptor_add_on_broker_state_change(handle, kName, &BrokerWatch::on_state, self);
}

// On a broker's thread, under locks of librdkafka: it must not be called back from here.
rd_kafka_resp_err_t BrokerWatch::on_state(rd_kafka_t*, int32_t, const char*, const char* name, int port,
                                          const char* state, void* self) {
  auto& watch = *static_cast<BrokerWatch*>(self);
  const std::lock_guard guard(watch.lock_);
  watch.connected_[std::string(name) + ":" + std::to_string(port)] = is_connected(state);
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

Trouble BrokerWatch::trouble() const {
  const std::lock_guard guard(lock_);
  const bool any = std::any_of(connected_.begin(), connected_.end(), [](const auto& b) { return b.second; });
  // Who listens by now was not there when it was complained.
  const bool is_past = complaint_.kind() == ErrorKind::down && any;
  if (complaint_.kind() != ErrorKind::none && !is_past) return {complaint_.kind(), complaint_.text()};
  return {any ? ErrorKind::silent : ErrorKind::down, ""};
}

}  // namespace e2k::kafka
