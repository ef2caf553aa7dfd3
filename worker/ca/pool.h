// Pure. Small objects of one type, packed into blocks: each costs its own size and no allocation's overhead.
//
// The blocks stay as long as the pool, for what is made later. Objects that are not freed are not destroyed
// either. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <vector>

namespace e2k::worker::ca {

template <class T>
class Pool {
public:
  T* make() {
    if (!free_) add_block();
    Place* place = free_;
    free_ = place->next;
    return new (place) T;
  }
  void free(T* object) {
    object->~T();
    free_ = new (object) Place{free_};
  }

private:
  union Place {
    Place* next;
    alignas(T) std::byte object[sizeof(T)];
  };
  using Block = std::array<Place, 100>;

  void add_block() {
    blocks_.push_back(std::make_unique_for_overwrite<Block>());
    for (Place& place : *blocks_.back()) {
      place.next = free_;
      free_ = &place;
    }
  }

  std::vector<std::unique_ptr<Block>> blocks_;
  Place* free_ = nullptr;
};

}  // namespace e2k::worker::ca
