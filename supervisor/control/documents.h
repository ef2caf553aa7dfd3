// Pure. The control surface's answers as JSON text, in the shapes of the documentation.
//
// Members keep their order; strings that are not UTF-8 are shown as Latin-1, so that foreign bytes never
// break a document. Lists are {"api":1,"items":[…]}. Stamps are ISO 8601 UTC with nanoseconds; what is not
// known is null.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "supervisor/control/model.h"

namespace e2k::supervisor {

// `configuration`: whether the members `config` and `epics` are shown.
std::string status_document(const StatusView& status, const std::vector<WorkerView>& workers,
                            const std::vector<WorkerView>& gone_slots, bool configuration);
std::string workers_document(const std::vector<WorkerView>& workers);
std::string worker_document(const WorkerView& worker);
// Of GET /channels, in slices: nothing until the last one.
class PageDocument {
public:
  std::optional<std::string> go_on(const EntryPage& page);

private:
  static constexpr size_t kItemsOfASlice = 500;
  std::string text_;
  size_t written_ = 0;
};
std::string channel_document(std::string_view channel, const std::vector<EntryView>& entries);
std::string topics_document(const TopicPage& page);
std::string hosts_document(const std::vector<HostView>& hosts);
std::string rejected_document(const std::vector<Rejection>& rejections);
std::string ready_document(const StatusView& status);
std::string live_document();
std::string accepted_document(size_t changed);
// Of POST /reload: the number under which the status tells how it ended.
std::string reload_document(uint64_t number);
std::string error_document(int code, std::string_view message);

bool is_ready(ServiceState state);

}  // namespace e2k::supervisor
