#include "supervisor/ctl/judge.h"

#include <ostream>

#include "supervisor/ctl/table.h"
#include "supervisor/settings/property_check.h"

namespace e2k::supervisor::ctl {

bool judge(const LoadOptions& options, std::ostream& err) {
  const auto loaded = load_config(options);
  const std::vector<std::string> mistakes =
      loaded ? check_config(*loaded, JudgedBy::client) : loaded.error().messages;
  for (const std::string& mistake : mistakes) err << printable(mistake) << '\n';
  if (!mistakes.empty()) return false;
  if (names_code(*loaded))
    err << "note: " << printable(loaded->path)
        << " names librdkafka's plug-ins or TLS engines, which are not loaded here; epics2kafka-supervisor "
           "--check "
           "judges with them, as the service's user\n";
  for (const std::string& remark : config_remarks(*loaded)) err << "note: " << printable(remark) << '\n';
  return true;
}

}  // namespace e2k::supervisor::ctl
