#include "common/kafka/certificate_files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <utility>
#include <vector>

#include "common/config/property_rules.h"

namespace e2k::kafka {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLocations[] = {"ssl.ca.location", "ssl.certificate.location", "ssl.key.location",
                                      "ssl.keystore.location", "ssl.crl.location"};

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string list_folder(const std::string& path) {
  std::vector<std::string> lines;
  std::error_code error;
  for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;
    const auto bytes = at->is_regular_file(gone) ? at->file_size(gone) : 0;
    const auto time = at->last_write_time(gone).time_since_epoch().count();
    lines.push_back(at->path().string() + ' ' + std::to_string(bytes) + ' ' + std::to_string(time) + '\n');
  }
  std::sort(lines.begin(), lines.end());
  std::string all;
  for (const std::string& line : lines) all += line;
  return all;
}

// 0: nothing to be read.
uint64_t content_of(const std::string& path) {
  std::error_code error;
  const std::string held = fs::is_directory(path, error) ? list_folder(path) : read_file(path);
  return held.empty() ? 0 : std::max<uint64_t>(1, std::hash<std::string>()(held));
}

}  // namespace

std::string read_secret(const std::string& path) {
  std::string text = read_file(path);
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

CertificateFiles::ByProperty CertificateFiles::paths_in(const ByProperty& properties) {
  ByProperty paths;
  for (const char* property : config::kCertificateProperties)
    if (const auto named = properties.find(std::string(config::kFilePrefix) + property);
        named != properties.end())
      paths[property] = named->second;
  for (const char* property : kLocations)
    if (const auto found = properties.find(property); found != properties.end() && !found->second.empty())
      paths[property] = found->second;
  return paths;
}

std::string CertificateFiles::listed(const ByProperty& paths) {
  std::string all;
  for (const auto& [property, path] : paths) all += (all.empty() ? "" : ", ") + property + '=' + path;
  return all;
}

void CertificateFiles::take_from(ByProperty& properties) {
  paths_ = paths_in(properties);
  for (const auto& [property, path] : paths_) {
    contents_[property] = content_of(path);
    if (properties.erase(std::string(config::kFilePrefix) + property) == 0) continue;
    // An empty one is just being written.
    if (std::string text = read_secret(path); !text.empty()) properties[property] = std::move(text);
  }
}

bool CertificateFiles::have_changed() {
  bool changed = false;
  for (const auto& [property, path] : paths_) {
    const uint64_t now = content_of(path);
    if (now == 0 || now == contents_[property]) continue;
    contents_[property] = now;
    changed = true;
  }
  return changed;
}

}  // namespace e2k::kafka
