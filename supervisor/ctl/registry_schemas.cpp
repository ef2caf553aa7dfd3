#include "supervisor/ctl/registry_schemas.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "common/registry/registry_settings.h"
#include "supervisor/ctl/registry_request.h"

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::json;
using Schema = tl::expected<WriterSchema, std::string>;
using Clock = std::chrono::steady_clock;

constexpr size_t kLargestBytes = 4 << 20;
constexpr std::chrono::seconds kLongest{4};
constexpr long kNotFound = 404;

Schema schema_in(const RegistryReply& reply, const std::string& base, uint32_t id) {
  if (reply.status == 0)
    return tl::unexpected(
        fmt::format("schema id {}: the registry {} does not answer: {}; epics2kafkactl "
                    "doctor tells more",
                    id, base, reply.words));
  if (reply.status == kNotFound)
    return tl::unexpected(
        fmt::format("schema id {}: the registry {} has none under that id; is it the one "
                    "that the records' writer asked?",
                    id, base));
  if (reply.status < 200 || reply.status >= 300)
    return tl::unexpected(
        fmt::format("schema id {}: the registry {} answers with HTTP {}; epics2kafkactl "
                    "doctor tells more",
                    id, base, reply.status));
  const Json answer = Json::parse(reply.body, nullptr, false);
  if (!answer.is_object() || !answer.contains("schema") || !answer["schema"].is_string())
    return tl::unexpected(fmt::format("schema id {}: {} answers like no schema registry", id, base));
  const std::string type = answer.value("schemaType", Json("AVRO")) == "AVRO" ? "AVRO"
                           : answer["schemaType"] == "PROTOBUF"               ? "PROTOBUF"
                                                                              : "JSON";
  return WriterSchema{type == "AVRO"       ? WriterSchema::Form::avro
                      : type == "PROTOBUF" ? WriterSchema::Form::protobuf
                                           : WriterSchema::Form::json,
                      answer["schema"].get<std::string>()};
}

}  // namespace

const Schema& RegistrySchemas::of(uint32_t id) {
  const auto now = Clock::now();
  const auto found = known_.find(id);
  if (found != known_.end() && (found->second.schema || now - found->second.asked < kAskAgain))
    return found->second.schema;
  Schema schema = ask(id);
  return known_.insert_or_assign(id, Known{std::move(schema), Clock::now()}).first->second.schema;
}

Schema RegistrySchemas::ask(uint32_t id) const {
  if (!options_.contains(kRegistryUrl))
    return tl::unexpected(fmt::format(
        "Avro or Protobuf with schema id {}, and no registry to ask: name the configuration whose "
        "value.options have schema.registry.url with --config",
        id));
  const auto part = config::RecordPart::value;
  const auto settings = config::read_registry_settings(config::registry_part(options_, part), part);
  if (!settings) return tl::unexpected(settings.error().message);
  Schema schema = tl::unexpected(std::string("no address"));
  for (const config::RegistryUrl& url : settings->urls) {
    schema = schema_in(
        get_from_registry(url, *settings, fmt::format("/schemas/ids/{}", id), kLargestBytes, kLongest),
        url.base, id);
    if (schema) break;
  }
  return schema;
}

}  // namespace e2k::supervisor::ctl
