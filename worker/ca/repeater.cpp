#include "worker/ca/repeater.h"

#include <libCaAPI.h>

// Exported by libca for its caRepeater program; its header is not installed.
LIBCA_API void ca_repeater();

namespace e2k::worker {

int run_ca_repeater() {
  ca_repeater();
  return 0;
}

}  // namespace e2k::worker
