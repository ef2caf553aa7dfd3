// Shell. The verbs that go straight to the command topic: set, unset, list, export. import: topic_import.h.
//
// None needs a running supervisor, but `set --wait`. Each returns the program's exit code; data go to `out`,
// diagnostics to `err`.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "supervisor/ctl/queries.h"
#include "supervisor/ctl/topic_link.h"

namespace e2k::supervisor::ctl {

struct TopicUse {
  const TopicSettings& settings;
  std::chrono::milliseconds timeout;  // for each of reading and writing
  const Output& output;
};

struct SetRequest {
  std::string channel, topic, mask, outkey;
  std::optional<KeyForm> form;  // for an empty topic
  std::optional<double> wait_s;
};

// Waits, if asked, until the supervisor has taken the command over and knows whether the channel answers.
Exit set_entry(const TopicUse& use, const SetRequest& request, const Client& client);
Exit unset_entries(const TopicUse& use, const std::string& channel, const std::optional<std::string>& topic);
// `all`: also what is superseded, removed or bad, as comment lines with partition and offset.
Exit list_entries(const TopicUse& use, bool all);

// The form in which new keys are written; says so when `asked` is not followed.
KeyForm form_for(const TopicPicture& picture, std::optional<KeyForm> asked, const TopicUse& use);

}  // namespace e2k::supervisor::ctl
