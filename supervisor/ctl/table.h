// Pure. Foreign text made printable, and tables of aligned columns.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace e2k::supervisor::ctl {

// Controls, invalid bytes and marks that turn the direction of text become \xNN or \u{NNNN}: nothing that an
// IOC or a command sends can move the cursor or forge a line.
std::string printable(std::string_view text);

// Rows of cells; the first row is the heading. Two blanks between columns, none at a line's end. Cells are
// made printable.
using Rows = std::vector<std::vector<std::string>>;
std::string table(const Rows& rows);
// The same for a table that comes in parts: `widths` of the columns so far, empty at first. A part never
// makes them smaller.
std::string table(const Rows& rows, std::vector<size_t>& widths);

}  // namespace e2k::supervisor::ctl
