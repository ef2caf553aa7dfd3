#include "worker/plugin/plugin_library.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>

#include "common/fd.h"
#include "common/log.h"
#include "common/text.h"

namespace e2k::worker {
namespace {

constexpr char kEntryPoint[] = "epics2kafka_converter";
constexpr size_t kNameBytes = 64;
constexpr uint32_t kKnownFlags = E2K_TAKES_ERRORS | E2K_WANTS_NAMES;
// What every table of ABI 1 has; later functions follow.
constexpr size_t kTableBytes = offsetof(e2k_converter, destroy) + sizeof(e2k_converter::destroy);

// An ELF file's first bytes; they lie in the same places for 32 and 64 bits.
struct ElfHead {
  std::array<unsigned char, EI_NIDENT> ident;
  uint16_t type;
  uint16_t machine;
};
static_assert(offsetof(ElfHead, machine) == offsetof(Elf64_Ehdr, e_machine));

std::optional<ElfHead> read_elf_head(int fd) {
  ElfHead head;
  if (pread(fd, &head, sizeof head, 0) != sizeof head) return std::nullopt;
  if (std::memcmp(head.ident.data(), ELFMAG, SELFMAG) != 0) return std::nullopt;
  return head;
}

bool same_machine(const ElfHead& a, const ElfHead& b) {
  return a.ident[EI_CLASS] == b.ident[EI_CLASS] && a.ident[EI_DATA] == b.ident[EI_DATA] &&
         a.machine == b.machine;
}

// The dynamic linker tells some of these in words that mislead (a library of another machine is "no such
// file").
Result<void> judge_file(const std::string& path, const std::string& what) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) {
    const int error = errno;
    if (error == ENOENT) return fail(what + " does not exist: install it there, or correct the path");
    return fail(what + " can't be read (" + std::strerror(error) +
                "): make it readable for the user of the worker");
  }
  struct stat about {};
  if (fstat(file.get(), &about) != 0 || !S_ISREG(about.st_mode))
    return fail(what + " is no file: name the shared object itself");
  const auto head = read_elf_head(file.get());
  const UniqueFd self(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const auto own = self ? read_elf_head(self.get()) : std::nullopt;
  if (head && own && !same_machine(*head, *own))
    return fail(what + " is built for another machine (ELF machine " + std::to_string(head->machine) +
                ", this program: " + std::to_string(own->machine) + "): build it for this one");
  if (!head || head->type != ET_DYN)
    return fail(what + " is no shared object: build it with -shared -fPIC, or as a CMake MODULE");
  return {};
}

Result<void> judge_table(const e2k_converter& table, const std::string& label) {
  if (table.struct_bytes < kTableBytes)
    return fail(label + " has a table of " + std::to_string(table.struct_bytes) + " bytes, ABI " +
                std::to_string(E2K_CONVERTER_ABI) + " has " + std::to_string(kTableBytes) +
                ": set struct_bytes to sizeof(struct e2k_converter)");
  if ((table.flags & ~kKnownFlags) != 0)
    return fail(label + " sets flags that this program does not know (" + std::to_string(table.flags) +
                "): build it against this version's epics2kafka/converter.h");
  const char* missing = nullptr;
  if (table.destroy == nullptr) missing = "destroy";
  if (table.encode == nullptr) missing = "encode";
  if (table.create == nullptr) missing = "create";
  if (missing != nullptr)
    return fail(label + " has no function " + missing + ": only schema may be NULL in its table");
  return {};
}

const e2k_converter* ask_for_table(void* entry_point) {
  try {
    return reinterpret_cast<decltype(&epics2kafka_converter)>(entry_point)();
  } catch (...) {
    return nullptr;
  }
}

}  // namespace

std::string plugin_words(const char* text, size_t bytes) {
  if (text == nullptr) return {};
  std::string words = utf8_or_latin1({text, strnlen(text, bytes)});
  std::ranges::replace_if(
      words, [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; }, ' ');
  return words;
}

Result<PluginLibrary> open_plugin_library(const std::string& path) {
  const std::string place = log::quoted(path);
  const std::string what = "value.converter: the plug-in " + place;
  if (!path.starts_with('/')) return fail(what + " is not named by its absolute path: plugin:/path.so");
  if (auto good = judge_file(path, what); !good) return tl::unexpected(good.error());

  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* reason = dlerror();
    return fail(what + " can't be loaded: " + plugin_words(reason, 512) +
                ": install or link what it needs (ldd shows it)");
  }
  void* entry_point = dlsym(library, kEntryPoint);
  if (entry_point == nullptr)
    return fail(
        what + " does not export " + kEntryPoint +
        ": it is no converter, or hides the function; include epics2kafka/converter.h where it is defined");
  const e2k_converter* table = ask_for_table(entry_point);
  if (table == nullptr) return fail(what + " gives no table: " + kEntryPoint + "() must not return NULL");

  const auto name_or = [](const char* text, const char* absent) {
    std::string words = plugin_words(text, kNameBytes);
    return words.empty() ? absent : words;
  };
  PluginLibrary opened{table, "value.converter: the plug-in " + name_or(table->name, "(unnamed)") + " " +
                                  name_or(table->version, "(no version)") + " (" + place + ")"};
  if (table->abi_version != E2K_CONVERTER_ABI)
    return fail(opened.label + " has ABI " + std::to_string(table->abi_version) + ", this program has ABI " +
                std::to_string(E2K_CONVERTER_ABI) +
                ": build it against this version's epics2kafka/converter.h");
  if (auto good = judge_table(*table, opened.label); !good) return tl::unexpected(good.error());
  return opened;
}

}  // namespace e2k::worker
