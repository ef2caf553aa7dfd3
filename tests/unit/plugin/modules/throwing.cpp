// A plug-in that lets exceptions out: of the function that the option "where" names.
#include <epics2kafka/converter.h>

#include <stdexcept>
#include <string>

namespace {

void throw_in(void* instance, const char* function) {
  if (*static_cast<std::string*>(instance) == function) throw std::runtime_error("a mistake of the plug-in");
}

void* create(const e2k_option* options, size_t count, char*, size_t) {
  std::string where;
  for (size_t i = 0; i < count; ++i)
    if (std::string(options[i].name) == "where") where = options[i].value;
  throw_in(&where, "create");
  return new std::string(where);
}

void schema(void* instance, e2k_schema*) {
  throw_in(instance, "schema");
}

int encode(void* instance, const e2k_event*, e2k_buffer*) {
  throw_in(instance, "encode");
  return E2K_OK;
}

void destroy(void* instance) {
  delete static_cast<std::string*>(instance);
}

constexpr e2k_converter kTable = {
    E2K_CONVERTER_ABI, sizeof(e2k_converter), "throwing", "1.0", 0, create, schema, encode, destroy};

}  // namespace

const e2k_converter* epics2kafka_converter() {
  return &kTable;
}
