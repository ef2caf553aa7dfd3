#include "supervisor/ctl/topic_verbs.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "common/text.h"
#include "supervisor/ctl/table.h"
#include "supervisor/ctl/topic_lines.h"

namespace e2k::supervisor::ctl {
namespace {

using nlohmann::ordered_json;
using std::chrono::steady_clock;

constexpr int kPollMs = 100;

std::string dumped(const ordered_json& document) {
  return document.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

Exit refuse(const TopicUse& use, const std::string& why) {
  return complain({Exit::usage, why}, use.output);
}

// What is wrong with the entry, or nothing.
std::optional<std::string> entry_problem(const EntrySpec& entry, const std::string& command_topic) {
  if (auto problem = topic_name_problem(entry.topic, command_topic)) return problem;
  if (!is_valid_utf8(entry.channel) || !is_valid_utf8(entry.key)) return "channel and outkey must be UTF-8";
  const Command command =
      parse_command(command_key(entry, KeyForm::json), command_value(entry, KeyForm::json));
  if (const auto* bad = std::get_if<BadCommand>(&command)) return bad->reason;
  return std::nullopt;
}

// The entry as the supervisor shows it, once it goes by this command or a later one.
Outcome<std::optional<ordered_json>> taken_over(const Client& client, const EntrySpec& entry,
                                                int64_t offset) {
  const auto answer = client.request("GET", "/channels/" + percent_encode(entry.channel));
  if (!answer) return tl::unexpected(answer.error());
  if (answer->code != 200) return std::nullopt;
  const auto document = ordered_json::parse(answer->body, nullptr, false);
  if (!document.is_object() || !document.contains("entries")) return std::nullopt;
  for (const auto& shown : document["entries"])
    if (shown.is_object() && shown.value("topic", "") == entry.topic &&
        shown.value("command_offset", int64_t{-1}) >= offset)
      return shown;
  return std::nullopt;
}

// Why the supervisor refuses the command, or nothing as long as it does not.
std::optional<std::string> refused_by(const Client& client, const Delivered& at) {
  const auto answer = client.get("/rejected");
  if (!answer) return std::nullopt;
  const auto document = ordered_json::parse(*answer, nullptr, false);
  if (!document.is_object() || !document.contains("items")) return std::nullopt;
  for (const auto& one : document["items"])
    if (one.is_object() && one.value("partition", int32_t{-1}) == at.partition &&
        one.value("offset", int64_t{-1}) == at.offset)
      return one.value("reason", "");
  return std::nullopt;
}

Exit wait_for(const TopicUse& use, const Client& client, const EntrySpec& entry, const Delivered& at,
              double wait_s) {
  const auto end = steady_clock::now() + std::chrono::duration<double>(wait_s);
  std::optional<ordered_json> shown;
  while (true) {
    auto seen = taken_over(client, entry, at.offset);
    if (!seen) return complain(seen.error(), use.output);
    shown = std::move(*seen);
    if (shown && shown->value("state", "") != "PENDING") break;
    if (!shown) {
      if (const auto reason = refused_by(client, at))
        return complain(
            {Exit::failed,
             fmt::format("the supervisor refuses the command at {}:{}, which stands in the topic: {}",
                         at.partition, at.offset, *reason)},
            use.output);
    }
    if (steady_clock::now() >= end) break;
    ::poll(nullptr, 0, kPollMs);
  }
  if (!shown)
    return complain({Exit::timed_out, fmt::format("the supervisor did not take {} over within {:g} s; it was "
                                                  "written, see epics2kafkactl status",
                                                  printable(entry.channel), wait_s)},
                    use.output);
  if (!use.output.json)
    use.output.out << printable(entry.channel) << ": " << printable(shown->value("state", "")) << '\n';
  return Exit::ok;
}

const char* name_of(KeyForm form) {
  switch (form) {
    case KeyForm::plain:
      return "plain";
    case KeyForm::json:
      return "json";
  }
  return "";
}

const char* name_of(TopicPicture::Listed::Standing standing) {
  switch (standing) {
    case TopicPicture::Listed::Standing::effective:
      return "effective";
    case TopicPicture::Listed::Standing::superseded:
      return "superseded";
    case TopicPicture::Listed::Standing::removed:
      return "tombstone";
    case TopicPicture::Listed::Standing::bad:
      return "bad";
  }
  return "";
}

ordered_json document_of(const TopicPicture& picture, bool all) {
  ordered_json items = ordered_json::array();
  for (const auto& e : picture.entries())
    items.push_back({{"channel", e.spec.channel},
                     {"topic", e.spec.topic},
                     {"mask", to_letters(e.spec.mask)},
                     {"key", e.spec.key},
                     {"form", name_of(e.form)},
                     {"partition", e.partition},
                     {"offset", e.offset}});
  ordered_json document{{"api", 1}, {"items", std::move(items)}};
  if (!all) return document;
  ordered_json records = ordered_json::array();
  for (const auto& listed : picture.all()) {
    ordered_json record{{"partition", listed.record->partition},
                        {"offset", listed.record->offset},
                        {"standing", name_of(listed.standing)},
                        {"key", nullptr},
                        {"value", nullptr}};
    if (listed.record->key) record["key"] = *listed.record->key;
    if (listed.record->value) record["value"] = *listed.record->value;
    if (!listed.reason.empty()) record["reason"] = listed.reason;
    records.push_back(std::move(record));
  }
  document["records"] = std::move(records);
  return document;
}

void print_history(const TopicPicture& picture, std::ostream& out) {
  for (const auto& listed : picture.all()) {
    if (listed.standing == TopicPicture::Listed::Standing::effective) continue;
    const TopicRecord& r = *listed.record;
    out << fmt::format("# {}:{} {} {}={}", r.partition, r.offset, name_of(listed.standing),
                       r.key ? printable(*r.key) : "null", r.value ? printable(*r.value) : "null");
    if (!listed.reason.empty()) out << "   (" << printable(listed.reason) << ')';
    out << '\n';
  }
}

}  // namespace

KeyForm form_for(const TopicPicture& picture, std::optional<KeyForm> asked, const TopicUse& use) {
  const auto held = picture.form();
  if (!held) return asked.value_or(KeyForm::json);
  if (asked && *asked != *held)
    use.output.err << fmt::format("--form {} is not followed: {} holds {} keys\n", name_of(*asked),
                                  use.settings.topic, name_of(*held));
  return *held;
}

Exit set_entry(const TopicUse& use, const SetRequest& request, const Client& client) {
  const auto mask = parse_mask(request.mask);
  if (!mask)
    return refuse(use,
                  fmt::format("-m {}: accepted: letters of v, a, l, p, each at most once", request.mask));
  const EntrySpec entry{request.topic, request.channel, *mask, request.outkey};
  if (auto problem = entry_problem(entry, use.settings.topic)) return refuse(use, *problem);
  auto records = read_topic(use.settings, use.timeout, true);
  if (!records) return complain(records.error(), use.output);
  const TopicPicture picture(std::move(*records), use.settings.topic);
  const TopicWrite write = picture.write_of(entry, form_for(picture, request.form, use));
  const auto delivered = write_topic(use.settings, {write}, use.timeout, nullptr);
  if (!delivered) return complain(delivered.error(), use.output);
  const Delivered& at = delivered->front();
  if (use.output.json)
    use.output.out
        << dumped({{"api", 1}, {"key", write.key}, {"partition", at.partition}, {"offset", at.offset}})
        << '\n';
  else
    use.output.out << printable(write.key + '=' + write.value.value_or("")) << '\n';
  if (!request.wait_s) return Exit::ok;
  return wait_for(use, client, entry, at, *request.wait_s);
}

Exit unset_entries(const TopicUse& use, const std::string& channel, const std::optional<std::string>& topic) {
  auto records = read_topic(use.settings, use.timeout, false);
  if (!records) return complain(records.error(), use.output);
  const TopicPicture picture(std::move(*records), use.settings.topic);
  const auto writes = picture.tombstones(channel, topic);
  if (writes.empty())
    return complain(
        {Exit::not_found, fmt::format("{} holds no entry of {}{}", use.settings.topic, printable(channel),
                                      topic ? " for topic " + printable(*topic) : "")},
        use.output);
  const auto delivered = write_topic(use.settings, writes, use.timeout, nullptr);
  if (!delivered) return complain(delivered.error(), use.output);
  if (use.output.json) {
    ordered_json keys = ordered_json::array();
    for (const TopicWrite& write : writes) keys.push_back(write.key);
    use.output.out << dumped({{"api", 1}, {"removed", std::move(keys)}}) << '\n';
    return Exit::ok;
  }
  for (const TopicWrite& write : writes) use.output.out << printable(write.key) << "=null\n";
  return Exit::ok;
}

Exit list_entries(const TopicUse& use, bool all) {
  auto records = read_topic(use.settings, use.timeout, false);
  if (!records) return complain(records.error(), use.output);
  const TopicPicture picture(std::move(*records), use.settings.topic);
  if (use.output.json) {
    use.output.out << dumped(document_of(picture, all)) << '\n';
    return Exit::ok;
  }
  // A terminal's cursor is not to be moved by what commands hold; a file gets the line as it is.
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  for (const auto& entry : picture.entries()) {
    const std::string line = command_line(entry.spec, entry.form);
    use.output.out << (terminal ? printable(line) : line) << '\n';
  }
  if (all) print_history(picture, use.output.out);
  return Exit::ok;
}

}  // namespace e2k::supervisor::ctl
