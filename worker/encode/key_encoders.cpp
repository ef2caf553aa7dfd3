#include "worker/encode/key_encoders.h"

#include "common/text.h"
#include "worker/encode/json_string.h"

namespace e2k::worker {

bool StringKeyEncoder::encode(std::string_view key, Buffer& out) {
  if (is_valid_utf8(key))
    out.append(key);
  else
    out.append(utf8_or_latin1(key));
  return true;
}

bool JsonKeyEncoder::encode(std::string_view key, Buffer& out) {
  if (with_envelope_) out.append(R"({"schema":{"type":"string","optional":false},"payload":)");
  append_json_string(key, out);
  if (with_envelope_) out.append("}");
  return true;
}

}  // namespace e2k::worker
