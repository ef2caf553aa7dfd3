// Pure. Owns the channels: by number (dense, what the search client carries) and by name. A freed number is
// given out again as late as possible, so that a late search reply does not meet another name. One thread.
#pragma once

#include <deque>
#include <string_view>
#include <vector>

#include "worker/ca/channel.h"
#include "worker/ca/pool.h"
#include "worker/ca/search/search_client.h"

namespace e2k::worker::ca {

class ChannelTable final : public search::NameSource {
public:
  ChannelTable() = default;
  ChannelTable(const ChannelTable&) = delete;
  ChannelTable& operator=(const ChannelTable&) = delete;
  ~ChannelTable() override;

  Channel* find(std::string_view name) const;
  Channel* at(uint32_t number) const { return number < channels_.size() ? channels_[number] : nullptr; }
  // The name must not be in the table.
  Channel& make(std::string_view name, Delivery& delivery);
  void free(Channel& channel);  // with what belongs to it
  // Put into lists, and taken out of them, by the caller.
  Subscription* make_subscription() { return subscriptions_.make(); }
  void free(Subscription* subscription) { subscriptions_.free(subscription); }
  Entry* make_entry() { return entries_.make(); }
  void free(Entry* entry) { entries_.free(entry); }
  size_t size() const { return size_; }
  uint32_t numbers() const { return static_cast<uint32_t>(channels_.size()); }  // all are below this

  std::string_view name_of(search::NameId id) const override;

private:
  // Open addressing with linear probing: 4 bytes a slot, at most two thirds of them in use or left behind.
  static constexpr uint32_t kEmpty = 0xffffffff, kLeft = 0xfffffffe;
  size_t slot_of(std::string_view name) const;  // where it is, or slots_.size()
  void insert(const Channel& channel);
  void rebuild();
  void destroy(Channel* channel);

  std::vector<Channel*> channels_;
  std::deque<uint32_t> free_numbers_;
  std::vector<uint32_t> slots_;  // numbers by name; a power of two
  size_t used_slots_ = 0;        // kLeft included
  size_t size_ = 0;
  Pool<Subscription> subscriptions_;
  Pool<Entry> entries_;
};

}  // namespace e2k::worker::ca
