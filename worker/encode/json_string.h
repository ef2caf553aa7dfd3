// Pure. JSON strings with the escapes that Jackson, the library behind Connect's JsonConverter, chooses:
// \" \\ \b \t \n \f \r, other controls below U+0020 as \u001B, characters beyond the basic plane as a pair of
// \uD83D\uDE00; everything else, DEL and '/' included, as it is. Bytes that are no UTF-8 are taken for
// Latin-1.
#pragma once

#include <string_view>

#include "worker/encode/buffer.h"

namespace e2k::worker {

// Appends `text` in quotes.
void append_json_string(std::string_view text, Buffer& out);

}  // namespace e2k::worker
