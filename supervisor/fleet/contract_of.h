// Pure. What a worker is told, and how its slot is kept, from the configuration.
#pragma once

#include <string>

#include "common/config/config.h"
#include "proto/launch.h"
#include "supervisor/fleet/slot_machine.h"

namespace e2k::supervisor {

// The folder of the ledgers, and a slot's ledger in it.
std::string ledger_folder(const Config& config);
std::string ledger_path(const Config& config, Slot slot);
// A slot's book of names (proto/names_format.h).
std::string names_path(const Config& config, Slot slot);
std::string names_copy_path(const Config& config, Slot slot);  // beside the ledger
// The folder of a generation's log.
std::string spool_path(const Config& config, Slot slot, Generation generation);

// When a slot of this configuration is started, watched and given up.
SlotSettings slot_settings_of(const Config& config);

// A worker's part of spool.max_total_bytes.
int64_t spool_share(const Config& config);

LaunchContract contract_of(const Config& config, Slot slot, Generation generation, std::string token,
                           std::string endpoint, int32_t supervisor_pid);

}  // namespace e2k::supervisor
