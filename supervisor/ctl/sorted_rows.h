// Pure. The first rows of a list of entries in the order of a column, whatever the list's length.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include <tl/expected.hpp>

namespace e2k::supervisor::ctl {

class SortedRows {
public:
  // `column`: a heading of the table, in whatever case. Texts ascend; figures descend, since the large ones
  // are those that are looked for. The error names the columns that there are.
  static tl::expected<SortedRows, std::string> by(const std::string& column, size_t limit);

  void add(nlohmann::json&& entry);
  size_t seen() const { return seen_; }
  nlohmann::json rows() &&;  // an array

private:
  struct Row {
    std::string text;
    double figure;
    size_t place;  // what is equal keeps its order
    nlohmann::json entry;
  };
  SortedRows(std::string member, bool figures, size_t limit)
      : member_(std::move(member)), figures_(figures), limit_(limit) {}
  bool is_before(const Row& a, const Row& b) const;

  std::string member_;
  bool figures_;
  size_t limit_, seen_ = 0;
  std::vector<Row> rows_;  // a heap, its worst row first
};

}  // namespace e2k::supervisor::ctl
