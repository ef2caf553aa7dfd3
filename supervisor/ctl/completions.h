// Pure. Completions for shells, made from the tree of the program's own arguments: what it learns, they
// learn.
//
// Names of channels and topics and numbers of slots come from the running service, by the hidden verb
// `complete WHAT [PREFIX]` of this program (queries.h), asked with the --socket and --instance of the line.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

namespace e2k::supervisor::ctl {

// `shell`: bash, zsh or fish; nothing for another one.
std::optional<std::string> completion_script(const CLI::App& app, const std::string& shell);

}  // namespace e2k::supervisor::ctl
