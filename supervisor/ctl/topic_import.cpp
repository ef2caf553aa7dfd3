#include "supervisor/ctl/topic_import.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "supervisor/ctl/table.h"
#include "supervisor/ctl/topic_lines.h"

namespace e2k::supervisor::ctl {
namespace {

constexpr size_t kShownLines = 20;  // of each kind, before a real write; --dry-run shows all
constexpr size_t kShownProblems = 50;
constexpr size_t kBarWidth = 40;

// Where the commands stand, for messages, and what was read.
struct Source {
  std::string name;
  ParsedCommands parsed;
};

Outcome<std::string> contents(const std::string& path) {
  if (path == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  std::error_code ignored;
  std::ifstream in(path, std::ios::binary);
  if (!in || std::filesystem::is_directory(path, ignored))
    return tl::unexpected(Failure{errno == EACCES ? Exit::permission : Exit::failed,
                                  fmt::format("{}: {}", path, in ? "is a directory" : std::strerror(errno))});
  return std::string(std::istreambuf_iterator<char>(in), {});
}

Outcome<Source> read_source(const ImportRequest& request, const std::string& command_topic,
                            const Environment& environment) {
  std::string path = request.file;
  if (request.from_environment) {
    path = environment("MONITOR_CHANNELS").value_or("");
    if (path.empty())
      return tl::unexpected(Failure{Exit::usage,
                                    "MONITOR_CHANNELS is not set; it names a file or lists "
                                    "channel|topic|mask|outkey,…"});
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(path, ignored)) {
      const bool is_list = path.find_first_of("|:") != std::string::npos;
      if (!is_list)
        return tl::unexpected(
            Failure{Exit::failed, fmt::format("MONITOR_CHANNELS: there is no file {}", path)});
      return Source{"MONITOR_CHANNELS, item ", parse_monitor_channels(path, command_topic)};
    }
  }
  const auto text = contents(path);
  if (!text) return tl::unexpected(text.error());
  return Source{(path == "-" ? "stdin" : path) + ":", parse_lines(*text, command_topic)};
}

Exit tell_problems(const Source& source, const Output& output) {
  const auto& problems = source.parsed.problems;
  for (size_t i = 0; i < problems.size() && i < kShownProblems; ++i)
    output.err << printable(fmt::format("{}{}: {}", source.name, problems[i].line, problems[i].reason))
               << '\n';
  if (problems.size() > kShownProblems)
    output.err << fmt::format("… and {} more\n", problems.size() - kShownProblems);
  output.err << "nothing was written\n";
  return Exit::failed;
}

std::string shown(const EntrySpec& entry) {
  return printable(command_line(entry, KeyForm::json));
}

void show(const Difference& difference, bool all, std::ostream& out) {
  const auto lines = [&](const auto& items, const auto& text) {
    const size_t count = all ? items.size() : std::min(items.size(), kShownLines);
    for (size_t i = 0; i < count; ++i) out << text(items[i]) << '\n';
    if (count < items.size()) out << fmt::format("  … and {} more\n", items.size() - count);
  };
  lines(difference.added, [](const EntrySpec& e) { return "+ " + shown(e); });
  lines(difference.changed, [](const Difference::Changed& c) {
    return "~ " + shown(c.after) + "   was " + printable(command_value(c.before, KeyForm::json));
  });
  lines(difference.removed, [](const EntrySpec& e) { return "- " + shown(e); });
  out << fmt::format("added {}, changed {}, removed {}, unchanged {}\n", difference.added.size(),
                     difference.changed.size(), difference.removed.size(), difference.unchanged);
}

bool agreed(size_t deletes, const Output& output, std::istream& answers) {
  output.err << fmt::format("Remove {} entries? [y/N] ", deletes) << std::flush;
  std::string answer;
  std::getline(answers, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

std::function<void(size_t)> progress_bar(size_t total, const Output& output) {
  if (output.json || ::isatty(STDERR_FILENO) != 1) return nullptr;
  return [total, &output](size_t done) {
    const size_t filled = kBarWidth * done / total;
    output.err << fmt::format("\r[{:#<{}}{:{}}] {}/{}{}", "", filled, "", kBarWidth - filled, done, total,
                              done == total ? "\n" : "")
               << std::flush;
  };
}

void print_json(const Difference& difference, bool written, std::ostream& out) {
  out << nlohmann::ordered_json{{"api", 1},
                                {"added", difference.added.size()},
                                {"changed", difference.changed.size()},
                                {"removed", difference.removed.size()},
                                {"unchanged", difference.unchanged},
                                {"written", written}}
             .dump()
      << '\n';
}

}  // namespace

Exit import_entries(const TopicUse& use, const ImportRequest& request, const Environment& environment,
                    std::istream& answers) {
  const Output& output = use.output;
  const auto source = read_source(request, use.settings.topic, environment);
  if (!source) return complain(source.error(), output);
  if (!source->parsed.problems.empty()) return tell_problems(*source, output);
  auto records = read_topic(use.settings, use.timeout, !request.dry_run);
  // What would be written to a topic that is not there yet can be shown all the same.
  if (!records && request.dry_run && records.error().exit == Exit::not_found)
    records = std::vector<TopicRecord>{};
  if (!records) return complain(records.error(), output);
  const TopicPicture picture(std::move(*records), use.settings.topic);
  const Difference found =
      difference(picture, source->parsed.commands, form_for(picture, request.form, use), request.prune);
  if (!output.json) show(found, request.dry_run, output.out);
  output.out << std::flush;
  std::vector<TopicWrite> writes = found.writes;
  writes.insert(writes.end(), found.deletes.begin(), found.deletes.end());
  const bool write = !request.dry_run && !writes.empty();
  if (write && !found.deletes.empty() && !request.yes && !agreed(found.removed.size(), output, answers))
    return complain({Exit::failed, "nothing was written; --yes removes without asking"}, output);
  if (write) {
    const auto delivered =
        write_topic(use.settings, writes, use.timeout, progress_bar(writes.size(), output));
    if (!delivered) return complain(delivered.error(), output);
  }
  if (output.json) print_json(found, write, output.out);
  return Exit::ok;
}

}  // namespace e2k::supervisor::ctl
