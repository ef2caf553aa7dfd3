// Pure. CRC32C (Castagnoli), by the processor's instruction where it has one, else by tables.
#pragma once

#include <cstddef>
#include <cstdint>

namespace e2k {

// Continues `crc` over `bytes` of data; begin with 0. crc32c(crc32c(0, a), b) == crc32c(0, ab).
uint32_t crc32c(uint32_t crc, const void* data, size_t bytes);

// The two ways, for tests that hold them against each other. The hardware's may be called only where there is
// one.
bool crc32c_has_hardware();
uint32_t crc32c_hardware(uint32_t crc, const void* data, size_t bytes);
uint32_t crc32c_tables(uint32_t crc, const void* data, size_t bytes);

}  // namespace e2k
