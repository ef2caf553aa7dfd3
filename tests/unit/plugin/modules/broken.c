// A table with a fault, built once for each: FAULT_NAME = 1 is defined for it.
#include <epics2kafka/converter.h>

static int state;

static void* create(const struct e2k_option* options, size_t count, char* error, size_t error_bytes) {
  (void)options, (void)count, (void)error, (void)error_bytes;
  return FAULT_SILENT ? 0 : &state;
}

static int encode(void* instance, const struct e2k_event* event, struct e2k_buffer* buffer) {
  (void)instance, (void)event;
  char* room = buffer->reserve(buffer, 8);
  if (room == 0) return E2K_CANNOT_EXPRESS;
#if FAULT_COMMITS_TOO_MUCH
  buffer->commit(buffer, 5);
  buffer->commit(buffer, 4);
#elif FAULT_GREEDY
  for (size_t bytes = 1u << 20; buffer->reserve(buffer, bytes) != 0; bytes *= 2)
    ;
  return buffer->reserve(buffer, SIZE_MAX) == 0 ? E2K_CANNOT_EXPRESS : E2K_OK;
#elif FAULT_STATUS
  room[0] = 'x';
  buffer->commit(buffer, 1);
  return 77;
#endif
  return E2K_OK;
}

static void destroy(void* instance) {
  (void)instance;
}

static const struct e2k_converter table = {
    .abi_version = E2K_CONVERTER_ABI + (FAULT_OTHER_ABI || FAULT_UNNAMED),
    .struct_bytes = sizeof(struct e2k_converter) - FAULT_SHORT,
    .name = FAULT_UNNAMED ? 0 : "broken",
    .version = FAULT_UNNAMED ? 0 : "0.9",
    .flags = FAULT_FLAGS ? 64 : 0,
    .create = FAULT_NO_CREATE ? 0 : create,
    .encode = FAULT_NO_ENCODE ? 0 : encode,
    .destroy = FAULT_NO_DESTROY ? 0 : destroy,
};

#if !FAULT_NO_SYMBOL
const struct e2k_converter* epics2kafka_converter(void) {
  return FAULT_NO_TABLE ? 0 : &table;
}
#else
const struct e2k_converter* another_name(void);
const struct e2k_converter* another_name(void) {
  return &table;
}
#endif
