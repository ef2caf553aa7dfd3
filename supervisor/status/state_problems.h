// Pure. What can't be kept in the state directory: the trouble with a thing stands until that thing is kept
// again, whatever else is.
#pragma once

#include <map>
#include <string>

namespace e2k::supervisor {

class StateProblems {
public:
  enum class Thing { generation, snapshot, quarantine };

  // "": it is kept.
  void note(Thing thing, const std::string& trouble) { troubles_[thing] = trouble; }
  // STATE_DIRECTORY.
  std::string judged() const {
    std::string text;
    for (const auto& [thing, trouble] : troubles_)
      if (!trouble.empty() && text.find(trouble) == std::string::npos)
        text += (text.empty() ? "" : "; ") + trouble;
    return text;
  }

private:
  std::map<Thing, std::string> troubles_;
};

}  // namespace e2k::supervisor
