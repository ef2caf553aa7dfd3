#include "worker/encode/key_encoders.h"

#include "common/text.h"
#include "worker/encode/json_string.h"
#include "worker/encode/wire.h"

namespace e2k::worker {

bool StringKeyEncoder::encode(std::string_view key, int32_t, Buffer& out) {
  if (is_valid_utf8(key))
    out.append(key);
  else
    out.append(utf8_or_latin1(key));
  return true;
}

JsonKeyEncoder::JsonKeyEncoder(JsonForm form) : form_(form) {
  if (form == JsonForm::registry) document_ = SchemaDocument{"JSON", R"({"type":"string"})", ""};
}

bool JsonKeyEncoder::encode(std::string_view key, int32_t schema_id, Buffer& out) {
  if (form_ == JsonForm::registry)
    out.commit_to(wire::put_header(out.reserve(wire::kHeaderBytes), schema_id));
  if (form_ == JsonForm::envelope) out.append(R"({"schema":{"type":"string","optional":false},"payload":)");
  append_json_string(key, out);
  if (form_ == JsonForm::envelope) out.append("}");
  return true;
}

}  // namespace e2k::worker
