// Pure. A configuration that is being made of other files: its lines with their origin, and what was not
// taken over. No text of a foreign file can leave its comment or its quotes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace e2k::supervisor::migrate {

struct DraftLine {
  std::string table;   // "kafka.producer"
  std::string key;     // without quotes
  std::string value;   // as TOML
  std::string origin;  // "ca-source.properties:3 tasks.max"
  std::vector<std::string> remarks = {};
  bool secret = false;
  bool offered = false;  // a comment that can be made a line
};

struct Leftover {
  std::string origin;
  std::string value;  // "" where it is secret
  std::string what;
};

class Draft {
public:
  // false: the table has that key already.
  bool add(DraftLine line);
  // `noted`: it changes what is published, or nobody knows what it does; so it is said aloud, too.
  void leave(Leftover leftover, bool noted);
  void note(std::string text) { notes_.push_back(std::move(text)); }

  const DraftLine* find(std::string_view table, std::string_view key) const;
  const std::vector<DraftLine>& lines() const { return lines_; }
  const std::vector<Leftover>& leftovers() const { return leftovers_; }
  const std::vector<std::string>& notes() const { return notes_; }

private:
  std::vector<DraftLine> lines_;
  std::vector<Leftover> leftovers_;
  std::vector<std::string> notes_;
};

// A secret is written as it is, or as a reference to a credential of the property's name. The lines are the
// same ones either way.
enum class Secrets { written, as_credentials };
std::string toml_of(const Draft& draft, const std::vector<std::string>& sources, Secrets secrets);

// A value of Connect's as TOML: a number or truth where `bare` and it is one, else a string; ${env:X} and
// ${directory:PATH:FILE} as the references that they are.
struct TomlValue {
  std::string text;
  std::string remark;  // what is still to be done for it
  bool reference = false;
};
TomlValue toml_value(std::string_view value, const std::string& key, bool bare);

}  // namespace e2k::supervisor::migrate
