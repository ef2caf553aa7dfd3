#include "common/version.h"

namespace e2k {

const char* release() {
  return E2K_VERSION;
}

}  // namespace e2k
