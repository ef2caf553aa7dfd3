#include "common/config/load.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "common/config/build.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/sha256.h"

namespace e2k {
namespace {

constexpr size_t kMaxConfigBytes = 4 << 20;
constexpr size_t kMaxSecretBytes = 1 << 20;

struct FileContent {
  std::string bytes;
  bool others_can_read = false;
};

Result<FileContent> read_file(const std::string& path, size_t max_bytes) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!file || fstat(file.get(), &status) != 0) return fail(std::strerror(errno));
  if (S_ISDIR(status.st_mode)) return fail("it is a directory");
  FileContent content{"", (status.st_mode & S_IROTH) != 0};
  std::array<char, 65536> part;
  for (;;) {
    const ssize_t got = read(file.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(std::strerror(errno));
    if (got == 0) return content;
    content.bytes.append(part.data(), static_cast<size_t>(got));
    if (content.bytes.size() > max_bytes)
      return fail("it is larger than " + std::to_string(max_bytes) + " bytes");
  }
}

void strip_one_newline(std::string& text) {
  if (text.ends_with("\n")) text.pop_back();
  if (text.ends_with("\r")) text.pop_back();
}

Result<std::string> read_secret(const std::string& path, const std::string& remedy) {
  auto content = read_file(path, kMaxSecretBytes);
  if (!content)
    return fail("cannot read " + log::quoted(path) + ": " + content.error().message + "; " + remedy);
  strip_one_newline(content->bytes);
  return std::move(content->bytes);
}

Result<std::string> resolve(const config::Reference& reference, const config::Environment& environment) {
  using Source = config::Reference::Source;
  const std::string named = log::quoted(reference.name);
  switch (reference.source) {
    case Source::file:
      if (!reference.name.starts_with("/"))
        return fail("the file " + named + " is not named by its absolute path");
      return read_secret(reference.name, "create it, readable by the service's user");
    case Source::credential: {
      const std::string remedy = "add LoadCredential=" + reference.name + ":/path to the unit";
      const auto directory = environment("CREDENTIALS_DIRECTORY");
      if (reference.name.empty() || reference.name.find('/') != std::string::npos)
        return fail("a credential is named without slashes, not " + named);
      if (!directory || directory->empty())
        return fail("the credential " + named + " cannot be read: CREDENTIALS_DIRECTORY is not set; " +
                    remedy + " (outside of systemd, set the variable to a folder that holds the file)");
      return read_secret(*directory + "/" + reference.name, remedy);
    }
    case Source::environment: {
      auto value = environment(reference.name);
      if (!value)
        return fail("the environment variable " + named +
                    " is not set; set it (under systemd by EnvironmentFile= or Environment=)");
      strip_one_newline(*value);
      return std::move(*value);
    }
  }
  return fail("no such source");
}

std::optional<std::string> process_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::string path_of(const LoadOptions& options) {
  if (!options.instance.empty() && options.path == config::default_config_path(""))
    return config::default_config_path(options.instance);
  return options.path;
}

}  // namespace

ControlPaths load_control_paths(const LoadOptions& options) {
  ControlPaths paths;
  const auto file = read_file(path_of(options), kMaxConfigBytes);
  if (!file) return paths;
  const config::Environment environment = options.environment ? options.environment : process_environment;
  for (const config::Assignment& at : config::read_toml(file->bytes, options.path).assignments) {
    auto* path = at.key == "control.socket"          ? &paths.socket
                 : at.key == "control.status_socket" ? &paths.status_socket
                                                     : nullptr;
    if (path == nullptr) continue;
    if (const auto* text = std::get_if<std::string>(&at.value)) {
      *path = *text;
    } else if (const auto* reference = std::get_if<config::Reference>(&at.value)) {
      if (auto resolved = resolve(*reference, environment)) *path = std::move(*resolved);
    }
    if (*path && (*path)->empty()) path->reset();  // the default
  }
  return paths;
}

tl::expected<Config, ConfigErrors> load_config(const LoadOptions& options) {
  config::Surroundings around;
  around.path = path_of(options);
  around.instance = options.instance;
  around.settings = options.settings;
  around.cores = std::thread::hardware_concurrency();
  around.environment = options.environment ? options.environment : process_environment;
  around.resolve = [&around](const config::Reference& reference) {
    return resolve(reference, around.environment);
  };
  const auto file = options.text ? Result<FileContent>(FileContent{*options.text})
                                 : read_file(around.path, kMaxConfigBytes);
  if (!file)
    return tl::unexpected(
        ConfigErrors{{around.path + ": cannot be read: " + file.error().message +
                      "; name the configuration file by --config FILE or --instance NAME"}});
  around.others_can_read = file->others_can_read;
  auto config = config::build_config(file->bytes, around);
  if (config) config->sha256 = sha256_hex(file->bytes);
  return config;
}

}  // namespace e2k
