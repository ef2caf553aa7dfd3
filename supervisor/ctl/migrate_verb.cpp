#include "supervisor/ctl/migrate_verb.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <ostream>
#include <set>
#include <sstream>

#include "common/fd.h"
#include "common/kafka/conf.h"
#include "supervisor/ctl/judge.h"
#include "supervisor/ctl/table.h"
#include "supervisor/migrate/translate.h"

namespace e2k::supervisor::ctl {
namespace {

using migrate::ConnectFile;
using migrate::Secrets;

Result<ConnectFile> read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  if (!in) return fail(path + ": " + (errno == 0 ? "can't be read" : std::strerror(errno)));
  return migrate::read_connect_file(text.str(), path);
}

// A new file that only its owner can read.
Result<void> write(const std::string& path, std::string_view text) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file)
    return fail(path + ": " + std::strerror(errno) +
                (errno == EEXIST ? "; nothing is overwritten: name another file, or remove this one" : ""));
  while (!text.empty()) {
    const ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail(path + ": " + std::strerror(errno));
    text.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

Exit complain(const Error& error, std::ostream& err) {
  err << "epics2kafkactl: " << printable(error.message) << '\n';
  return Exit::failed;
}

void say_what_is_hidden(const migrate::Draft& draft, std::ostream& err) {
  std::string names;
  for (const migrate::DraftLine& line : draft.lines())
    if (line.secret) (names += names.empty() ? "" : ", ") += line.table + ".\"" + line.key + "\"";
  if (!names.empty())
    err << "note: secrets are not printed: " << printable(names)
        << "; put each into the credential that stands in its place (LoadCredential=NAME:/path in the unit), "
           "or write "
           "them into the file with -o FILE\n";
}

}  // namespace

Exit migrate(const MigrateRequest& request, const config::Environment& environment, std::ostream& out,
             std::ostream& err) {
  const auto connector = read(request.connector);
  if (!connector) return complain(connector.error(), err);
  std::optional<ConnectFile> worker;
  std::vector<std::string> sources{connector->label};
  if (!request.worker.empty()) {
    auto file = read(request.worker);
    if (!file) return complain(file.error(), err);
    sources.push_back(file->label);
    worker = std::move(*file);
  }
  const std::vector<std::string> names = kafka::property_names();
  const migrate::Draft draft = migrate::translate(*connector, worker ? &*worker : nullptr,
                                                  std::set<std::string>(names.begin(), names.end()));
  for (const std::string& note : draft.notes()) err << "note: " << printable(note) << '\n';

  LoadOptions load;
  load.path = request.output.empty() ? "stdout" : request.output;
  load.instance = request.instance;
  load.environment = environment;
  load.text = migrate::toml_of(draft, sources, Secrets::written);
  if (request.output.empty()) {
    out << migrate::toml_of(draft, sources, Secrets::as_credentials) << std::flush;
    say_what_is_hidden(draft, err);
  } else if (const auto written = write(request.output, *load.text); !written) {
    return complain(written.error(), err);
  }
  return judge(load, err) ? Exit::ok : Exit::failed;
}

}  // namespace e2k::supervisor::ctl
