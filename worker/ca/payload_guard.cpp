#include "worker/ca/payload_guard.h"

#include <cadef.h>
#include <dlfcn.h>

#include <cstdint>
#include <cstdlib>

#include "worker/ca/payload.h"

#define E2K_EXECUTE_RESPONSE \
  "_ZN3cac15executeResponseER15callbackManagerR6tcpiiuRK9epicsTimeR15caHdrLargeArrayPc"

namespace {

// libca's caHdrLargeArray, which is in none of its public headers.
struct MessageHeader {
  uint32_t payload_bytes;
  uint32_t count;
  uint32_t status;  // of answers to readings and subscriptions, since version 4.1 of the protocol
  uint32_t request;
  uint16_t type;
  uint16_t command;
};
static_assert(sizeof(MessageHeader) == 20);

constexpr uint16_t kEventAdd = 1, kRead = 3, kReadNotify = 15;  // CA_PROTO_*
constexpr uint16_t kNoSuchType = 0xffff;

thread_local bool refused = false;

bool is_refused(const MessageHeader& header, const char* payload) {
  // The end of a subscription is an event without anything.
  if (header.command == kEventAdd && header.payload_bytes == 0) return false;
  if (header.command != kEventAdd && header.command != kRead && header.command != kReadNotify) return false;
  // An error comes with zeros, as many as there may be.
  if (header.command != kRead && header.status != ECA_NORMAL) return false;
  return !e2k::worker::ca::fits_payload(header.type, header.count, payload, header.payload_bytes);
}

using ExecuteResponse = bool (*)(void* cac, void* manager, void* circuit, const void* now,
                                 MessageHeader* header, char* payload);

}  // namespace

extern "C" {

bool e2k_execute_response(void* cac, void* manager, void* circuit, const void* now, MessageHeader* header,
                          char* payload) asm(E2K_EXECUTE_RESPONSE);

__attribute__((visibility("default"))) bool e2k_execute_response(void* cac, void* manager, void* circuit,
                                                                 const void* now, MessageHeader* header,
                                                                 char* payload) {
  static const auto original = reinterpret_cast<ExecuteResponse>(::dlsym(RTLD_NEXT, E2K_EXECUTE_RESPONSE));
  if (original == nullptr) std::abort();  // it is libca that calls us by that name
  refused = is_refused(*header, payload);
  if (refused) {
    // Older servers have no status there: the type is what refuses then.
    header->status = ECA_BADCOUNT;
    header->type = kNoSuchType;
    header->count = 0;
  }
  const bool going_on = original(cac, manager, circuit, now, header, payload);
  refused = false;
  return going_on;
}

}  // extern "C"

namespace e2k::worker::ca {

bool payload_was_refused() noexcept {
  return refused;
}

}  // namespace e2k::worker::ca
