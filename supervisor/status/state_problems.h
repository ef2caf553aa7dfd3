// Pure. What can't be kept in the state directory: the trouble with a thing stands until that thing is kept
// again, whatever else is.
#pragma once

#include <map>
#include <string>

namespace e2k::supervisor {

class StateProblems {
public:
  enum class Thing { directory, generation, snapshot, quarantine };

  // "": it is kept.
  void note(Thing thing, const std::string& trouble) { troubles_[thing] = trouble; }
  bool stands(Thing thing) const {
    const auto found = troubles_.find(thing);
    return found != troubles_.end() && !found->second.empty();
  }
  // STATE_DIRECTORY. What can't be kept because the directory can't be written is no trouble of its own.
  std::string judged() const {
    if (stands(Thing::directory)) return troubles_.at(Thing::directory);
    std::string text;
    for (const auto& [thing, trouble] : troubles_)
      if (!trouble.empty() && text.find(trouble) == std::string::npos)
        text += (text.empty() ? "" : "; ") + trouble;
    return text.empty()
               ? text
               : text +
                     ". It is not kept over a restart: let its directory have room, and be written to by the "
                     "service's user; it is tried again";
  }

private:
  std::map<Thing, std::string> troubles_;
};

}  // namespace e2k::supervisor
