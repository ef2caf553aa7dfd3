// Pure. Whether records that are written with one schema can be read with another that differs only in what
// people read: asked of a subject's latest schema before its id is put in front of our records.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace e2k::worker {

// Nothing: they have the same form. Otherwise where they differ first, behind "differs": a place of our
// schema in our words, since theirs are foreign; "" where that can't be told. `type`: as SchemaDocument's.
// Careful rather than clever: what can't be parsed is another form.
//   AVRO      the members that shape the bytes, or what a reader takes them for (logicalType); {"type":T} is
//   T;
//             names with their namespaces
//   PROTOBUF  the tokens without comments, imports, option statements and [options]
//   JSON      the names of properties and the types that each may have, in whatever order. A keyword that
//             neither describes nor names a type makes another form, unless ours has it too
std::optional<std::string> form_difference(std::string_view type, std::string_view ours,
                                           std::string_view theirs);

}  // namespace e2k::worker
