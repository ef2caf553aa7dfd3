// Shell. What blocked topics wait with in lines that serve no command: of entries that were removed or
// re-keyed, or that another worker serves now.
//
// What such a line means stands in its slot's book of names. Books are read when a line waits that was not
// looked up yet, and what was found is kept for as long as the book is the same file.
//
// One thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/ids.h"
#include "proto/ledger_reader.h"
#include "supervisor/status/spool_problems.h"

namespace e2k::supervisor {

class LeftLines {
public:
  // `served`: by index, the lines that serve commands, which tell for themselves. `book`: the slot's, of
  // names.
  void add_to(LineNews& news, Slot slot, const ledger::LedgerReader& lines, const std::vector<bool>& served,
              const std::string& book);

private:
  struct Topics {
    uint64_t file = 0;  // the book's inode
    std::map<uint32_t, std::string> by_index;
  };
  void look_up(const std::vector<uint32_t>& indices, Slot slot, const std::string& book);

  std::map<Slot, Topics> topics_;
};

}  // namespace e2k::supervisor
