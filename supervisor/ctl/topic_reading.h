// Pure. What messages and errors of a topic that is read mean to a client.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstddef>
#include <optional>
#include <string>

namespace e2k::supervisor::ctl {

std::optional<std::string> bytes_of(const void* data, size_t size);
bool is_refusal(rd_kafka_resp_err_t code);
bool is_missing(rd_kafka_resp_err_t code);

}  // namespace e2k::supervisor::ctl
