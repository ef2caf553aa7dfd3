// Pure. This release's number.
//
// One file alone is compiled with it, so that another number makes one file anew.
#pragma once

namespace e2k {

const char* release();  // "1.2.3"

}  // namespace e2k
