// Pure. Why a worker could not be started, with what mends it.
#pragma once

#include <string>

namespace e2k::supervisor {

// A limit of this user, this service or the machine: it may pass, or has to be raised.
bool is_limit(int error_number);
// "could not be started: fork: Resource temporarily unavailable (EAGAIN); …".
std::string launch_problem(const std::string& stage, int error_number);
// Behind how_it_ended(); "": nothing is to be said. 127 is what the loader leaves with.
const char* remedy_of_exit(int exit_code, bool had_begun);

}  // namespace e2k::supervisor
