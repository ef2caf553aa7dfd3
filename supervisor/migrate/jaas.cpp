#include "supervisor/migrate/jaas.h"

#include <optional>
#include <vector>

namespace e2k::supervisor::migrate {
namespace {

struct Token {
  std::string text;
  bool is_sign = false;  // = or ;
};

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

// Nothing: a quotation does not end.
std::optional<std::vector<Token>> tokens_of(std::string_view text) {
  std::vector<Token> tokens;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (is_space(c)) {
      ++i;
    } else if (c == '=' || c == ';') {
      tokens.push_back({std::string(1, c), true});
      ++i;
    } else if (c == '"' || c == '\'') {
      Token token;
      for (++i; i < text.size() && text[i] != c; ++i) {
        if (text[i] == '\\' && i + 1 < text.size()) ++i;
        token.text += text[i];
      }
      if (i == text.size()) return std::nullopt;
      ++i;
      tokens.push_back(std::move(token));
    } else {
      Token token;
      // A word may hold `=`s of base64 only in quotes.
      for (; i < text.size() && !is_space(text[i]) && text[i] != '=' && text[i] != ';'; ++i)
        token.text += text[i];
      tokens.push_back(std::move(token));
    }
  }
  return tokens;
}

}  // namespace

Result<JaasEntry> read_jaas(std::string_view text) {
  const auto tokens = tokens_of(text);
  if (!tokens) return fail("a quotation does not end");
  if (tokens->size() < 3 || (*tokens)[0].is_sign || (*tokens)[1].is_sign)
    return fail("it does not begin with a login module and a flag (required)");
  JaasEntry entry{(*tokens)[0].text, {}};
  size_t i = 2;
  for (; i + 2 < tokens->size() && !(*tokens)[i].is_sign; i += 3) {
    if ((*tokens)[i + 1].text != "=" || !(*tokens)[i + 1].is_sign || (*tokens)[i + 2].is_sign)
      return fail("an option is not name=\"value\"");
    entry.options[(*tokens)[i].text] = (*tokens)[i + 2].text;
  }
  if (i >= tokens->size() || !(*tokens)[i].is_sign || (*tokens)[i].text != ";")
    return fail("it does not end with a semicolon");
  if (i + 1 != tokens->size()) return fail("something stands behind the semicolon");
  return entry;
}

}  // namespace e2k::supervisor::migrate
