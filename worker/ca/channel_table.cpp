#include "worker/ca/channel_table.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>

namespace e2k::worker::ca {

ChannelTable::~ChannelTable() {
  for (Channel* channel : channels_)
    if (channel) destroy(channel);
}

void ChannelTable::destroy(Channel* channel) {
  while (Subscription* s = channel->subscriptions) {
    while (Entry* e = s->entries) {
      s->entries = e->next;
      free(e);
    }
    channel->subscriptions = s->next;
    free(s);
  }
  channel->~Channel();
  ::operator delete(channel);
}

Channel* ChannelTable::find(std::string_view name) const {
  const size_t slot = slot_of(name);
  return slot == slots_.size() ? nullptr : channels_[slots_[slot]];
}

size_t ChannelTable::slot_of(std::string_view name) const {
  if (slots_.empty()) return 0;
  const size_t mask = slots_.size() - 1;
  for (size_t slot = std::hash<std::string_view>{}(name)&mask;; slot = (slot + 1) & mask) {
    if (slots_[slot] == kEmpty) return slots_.size();
    if (slots_[slot] != kLeft && channels_[slots_[slot]]->name() == name) return slot;
  }
}

void ChannelTable::insert(const Channel& channel) {
  const size_t mask = slots_.size() - 1;
  size_t slot = std::hash<std::string_view>{}(channel.name()) & mask;
  while (slots_[slot] != kEmpty) slot = (slot + 1) & mask;
  slots_[slot] = channel.number;
  ++used_slots_;
}

void ChannelTable::rebuild() {
  size_t slots = 64;
  while (slots < (size_ + 1) * 2) slots *= 2;
  slots_.assign(slots, kEmpty);
  used_slots_ = 0;
  for (const Channel* channel : channels_)
    if (channel) insert(*channel);
}

Channel& ChannelTable::make(std::string_view name, Delivery& delivery) {
  // The padding behind name_ is the name's as well; the NUL has its place in name_.
  const size_t bytes = offsetof(Channel, name_) + name.size() + 1;
  void* memory = ::operator new(std::max(bytes, sizeof(Channel)));
  Channel* channel = new (memory) Channel;
  channel->delivery = &delivery;
  channel->name_bytes = static_cast<uint16_t>(name.size());
  char* text = static_cast<char*>(memory) + offsetof(Channel, name_);
  std::memcpy(text, name.data(), name.size());
  text[name.size()] = '\0';
  if (free_numbers_.size() > channels_.size() / 2) {
    channel->number = free_numbers_.front();
    free_numbers_.pop_front();
    channels_[channel->number] = channel;
  } else {
    channel->number = static_cast<uint32_t>(channels_.size());
    channels_.push_back(channel);
  }
  ++size_;
  if (used_slots_ + 1 > slots_.size() / 3 * 2)
    rebuild();
  else
    insert(*channel);
  return *channel;
}

void ChannelTable::free(Channel& channel) {
  slots_[slot_of(channel.name())] = kLeft;
  --size_;
  channels_[channel.number] = nullptr;
  free_numbers_.push_back(channel.number);
  destroy(&channel);
}

std::string_view ChannelTable::name_of(search::NameId id) const {
  const Channel* channel = at(id);
  return channel ? channel->name() : std::string_view{};
}

}  // namespace e2k::worker::ca
