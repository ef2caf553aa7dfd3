// Foreign bytes as control messages and launch contracts. What decodes must encode to something that decodes
// to the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "proto/control_message.h"
#include "proto/launch.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto m = e2k::decode_worker_message(bytes)) {
    const auto again = e2k::decode_worker_message(e2k::encode(*m));
    if (!again || !(*again == *m)) std::abort();
  }
  if (const auto m = e2k::decode_supervisor_message(bytes)) {
    const auto again = e2k::decode_supervisor_message(e2k::encode(*m));
    if (!again || !(*again == *m)) std::abort();
  }
  if (const auto c = e2k::decode_launch(bytes)) {
    if (!e2k::decode_launch(e2k::encode(*c))) std::abort();
  }
  return 0;
}
