#include "worker/ca/search/environment.h"

#include <envDefs.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace e2k::worker::search {
namespace {

std::string text_of(const ENV_PARAM& parameter) {
  const char* text = envGetConfigParamPtr(&parameter);
  return text ? text : "";
}

bool yes_of(const ENV_PARAM& parameter) {
  int yes = 1;
  return envGetBoolConfigParam(&parameter, &yes) != 0 || yes != 0;
}

}  // namespace

SearchEnvironment read_search_environment() {
  SearchEnvironment out;
  out.addr_list = text_of(EPICS_CA_ADDR_LIST);
  out.auto_addr_list = yes_of(EPICS_CA_AUTO_ADDR_LIST);
  out.name_servers = text_of(EPICS_CA_NAME_SERVERS);
  out.server_port = envGetInetPortConfigParam(&EPICS_CA_SERVER_PORT, 5064);
  out.repeater_port = envGetInetPortConfigParam(&EPICS_CA_REPEATER_PORT, 5065);
  double period_s = 300;
  if (envGetDoubleConfigParam(&EPICS_CA_MAX_SEARCH_PERIOD, &period_s) != 0) period_s = 300;
  out.max_search_period_s = static_cast<int64_t>(std::clamp(period_s, 60.0, 86400.0));
  out.auto_array_bytes = yes_of(EPICS_CA_AUTO_ARRAY_BYTES);
  long bytes = 16384;
  if (envGetLongConfigParam(&EPICS_CA_MAX_ARRAY_BYTES, &bytes) == 0)
    out.max_array_bytes = std::max<int64_t>(bytes, 16384);
  return out;
}

void steer_libca(uint16_t port) {
  setenv("EPICS_CA_ADDR_LIST", ("127.0.0.1:" + std::to_string(port)).c_str(), 1);
  setenv("EPICS_CA_AUTO_ADDR_LIST", "NO", 1);
  setenv("EPICS_CA_NAME_SERVERS", "", 1);
}

}  // namespace e2k::worker::search
