// Any bytes as a connector's and a Connect worker's file, parted by "--worker". Whatever they hold, the draft
// is valid TOML, of tables that were meant alone, and has the same lines with secrets as without.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/config/document.h"
#include "supervisor/migrate/jaas.h"
#include "supervisor/migrate/translate.h"

using namespace e2k;
using namespace e2k::supervisor::migrate;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const std::string& text, const Draft& draft) {
  const config::Document document = config::read_toml(text, "x");
  require(document.mistakes.empty());
  const auto written =
      std::ranges::count_if(draft.lines(), [](const DraftLine& line) { return !line.offered; });
  // A table that holds offers alone is no assignment, or one of an empty table.
  const auto read = std::ranges::count_if(document.assignments, [](const config::Assignment& one) {
    return !std::holds_alternative<config::Unusable>(one.value);
  });
  require(written == read);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr std::string_view kParted = "--worker";
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const size_t at = all.find(kParted);
  const auto connector = read_connect_file(all.substr(0, at), "c\n.properties");
  Result<ConnectFile> worker = fail("none");
  if (at != std::string_view::npos)
    worker = read_connect_file(all.substr(at + kParted.size()), "w.properties");
  (void)read_jaas(all);
  if (!connector) return 0;
  const Draft draft =
      translate(*connector, worker ? &*worker : nullptr, {"linger.ms", "sasl.mechanism", "client.id"});
  const std::string written = toml_of(draft, {connector->label}, Secrets::written);
  const std::string shown = toml_of(draft, {connector->label}, Secrets::as_credentials);
  check(written, draft);
  check(shown, draft);
  require(std::ranges::count(written, '\n') == std::ranges::count(shown, '\n'));
  return 0;
}
