// Pure. What a record in Avro or Protobuf says, by the schema that it was written with, as a registry holds
// it.
//
// Read is whatever the schema describes, so that every release's records are: an Avro value of any type, and
// the scalar fields of a Protobuf message that stands at its file's top. Numbers that the JSON library calls
// so may be NaN or infinite here. Bytes are foreign: what they claim of lengths and depths is not believed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

namespace e2k::supervisor::ctl {

struct WriterSchema {
  enum class Form : uint8_t { avro, protobuf, json };
  Form form = Form::avro;
  std::string text;
};

// By the id in front of a record's bytes; the error says why there is none.
using WriterSchemas = std::function<tl::expected<WriterSchema, std::string>(uint32_t id)>;

// `bytes`: those behind the id. Fields by their names; of Protobuf those that the record has not are null.
tl::expected<nlohmann::json, std::string> read_avro(const std::string& schema, std::string_view bytes);
tl::expected<nlohmann::json, std::string> read_protobuf(std::string_view schema, std::string_view bytes);

}  // namespace e2k::supervisor::ctl
