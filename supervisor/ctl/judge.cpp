#include "supervisor/ctl/judge.h"

#include <ostream>

#include "supervisor/ctl/table.h"
#include "supervisor/settings/property_check.h"

namespace e2k::supervisor::ctl {

bool judge(const LoadOptions& options, std::ostream& err) {
  const auto loaded = load_config(options);
  const std::vector<std::string> mistakes = loaded ? check_config(*loaded) : loaded.error().messages;
  for (const std::string& mistake : mistakes) err << printable(mistake) << '\n';
  if (!mistakes.empty()) return false;
  for (const std::string& remark : config_remarks(*loaded)) err << "note: " << printable(remark) << '\n';
  return true;
}

}  // namespace e2k::supervisor::ctl
