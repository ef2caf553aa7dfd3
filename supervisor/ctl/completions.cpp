#include "supervisor/ctl/completions.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <vector>

namespace e2k::supervisor::ctl {
namespace {

// What a value is made of: channels, slots and topics are asked for, words: stand there themselves.
struct Kind {
  std::string name;
};

struct OptionWords {
  std::vector<std::string> names;  // with their dashes; of a positional: its name alone
  std::string help;
  bool takes_value = false;
  Kind kind;
};

struct VerbWords {
  std::string name, help;
  std::vector<OptionWords> options, positionals;
};

Kind kind_of(std::string_view verb, std::string_view name) {
  const auto is = [name](std::initializer_list<std::string_view> names) {
    return std::ranges::find(names, name) != names.end();
  };
  if (is({"NAME", "--channel"})) return {"channels"};
  if (name == "--sort") return {"words:channel topic state worker host received waiting lost age gaps"};
  if (is({"TOPIC", "--topic"})) return {"topics"};
  if (name == "N" || (verb == "channels" && name == "--worker")) return {"slots"};
  if (is({"FILE", "--worker", "--output", "--config", "--command-config", "--socket"})) return {"files"};
  if (name == "--state")
    return {
        "words:PENDING CONNECTED NEVER_CONNECTED DISCONNECTED DENIED NO_TOPIC NOT_AUTHORISED NO_DATA "
        "QUARANTINED"};
  if (name == "--form") return {"words:plain json"};
  if (name == "SHELL") return {"words:bash zsh fish"};
  return {"nothing"};
}

void take_options(const CLI::App& app, const std::string& verb, VerbWords& words) {
  for (const CLI::Option* option : app.get_options()) {
    OptionWords one{{}, option->get_description(), option->get_items_expected_max() != 0, {}};
    for (const std::string& name : option->get_snames()) one.names.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) one.names.push_back("--" + name);
    if (one.names.empty()) {
      one.names.push_back(option->get_name(true));
      one.kind = kind_of(verb, one.names.back());
      words.positionals.push_back(std::move(one));
      continue;
    }
    if (one.takes_value) one.kind = kind_of(verb, one.names.back());
    words.options.push_back(std::move(one));
  }
  // An option group is an app without a name.
  for (const CLI::App* group :
       app.get_subcommands([](const CLI::App* sub) { return sub->get_name().empty(); }))
    take_options(*group, verb, words);
}

std::vector<VerbWords> verbs_of(const CLI::App& app) {
  std::vector<VerbWords> verbs;
  const auto visible = [](const CLI::App* sub) {
    return !sub->get_name().empty() && !sub->get_group().empty();
  };
  for (const CLI::App* sub : app.get_subcommands(visible)) {
    VerbWords words{sub->get_name(), sub->get_description(), {}, {}};
    take_options(*sub, words.name, words);
    verbs.push_back(std::move(words));
  }
  return verbs;
}

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// Functions that bash and zsh share: lines of a word, a tab and its help; and the kind of a value.
std::string tables(const VerbWords& common, const std::vector<VerbWords>& verbs) {
  const auto lines = [](const std::vector<OptionWords>& options) {
    std::string text;
    for (const OptionWords& option : options)
      for (const std::string& name : option.names)
        text += " \\\n            " + quoted(name + "\t" + option.help);
    return text;
  };
  std::string words = "_epics2kafkactl_verbs() {\n    printf '%s\\n'";
  std::string options = "_epics2kafkactl_options() {\n    case $1 in\n";
  // A value's kind by `VERB,OPTION` or `VERB,POSITION`; nothing for an option without a value.
  std::string kinds = "_epics2kafkactl_kind() {\n    case $1,$2 in\n";
  for (const VerbWords& verb : verbs) {
    words += " \\\n        " + quoted(verb.name + "\t" + verb.help);
    options += "        " + verb.name + ") printf '%s\\n'" + lines(verb.options) + " ;;\n";
    for (const OptionWords& option : verb.options)
      for (const std::string& name : option.names)
        if (option.takes_value)
          kinds += "        " + verb.name + "," + name + ") echo " + quoted(option.kind.name) + " ;;\n";
    for (size_t i = 0; i < verb.positionals.size(); ++i)
      kinds += "        " + verb.name + "," + std::to_string(i + 1) + ") echo " +
               quoted(verb.positionals[i].kind.name) + " ;;\n";
  }
  for (const OptionWords& option : common.options)
    for (const std::string& name : option.names)
      if (option.takes_value) kinds += "        *," + name + ") echo " + quoted(option.kind.name) + " ;;\n";
  return words + "\n}\n" + options + "    esac\n    printf '%s\\n'" + lines(common.options) + "\n}\n" +
         kinds + "    esac\n}\n";
}

// Sets verb, place (of a positional), kind and ask from the words before the one that is completed. The same
// text serves both shells; `list` is how they write those words.
std::string walk(const std::string& list) {
  return R"sh(    local verb='' place=1 option='' kind='' word=''
    local -a ask
    ask=(epics2kafkactl --timeout 2)
    for word in )sh" +
         list + R"sh(; do
        if [ -n "$option" ]; then
            case $option in --socket | --instance) ask+=("$option" "$word") ;; esac
            option=''
            continue
        fi
        case $word in
            --socket=* | --instance=*) ask+=("$word") ;;
            -*=*) ;;
            -*) [ -z "$(_epics2kafkactl_kind "$verb" "$word")" ] || option=$word ;;
            *) if [ -z "$verb" ]; then verb=$word; else place=$((place + 1)); fi ;;
        esac
    done
    if [ -n "$option" ]; then kind=$(_epics2kafkactl_kind "$verb" "$option")
    elif [ -z "$verb" ]; then kind=verbs
    else kind=$(_epics2kafkactl_kind "$verb" "$place"); fi
)sh";
}

constexpr const char* kBash = R"sh(
_epics2kafkactl() {
    local line=${COMP_LINE:0:COMP_POINT} cur='' typed reply
    local -a before
    # Not by COMP_WORDS: names of channels hold colons, at which bash parts words.
    read -ra before <<<"$line"
    case $line in
        *[[:space:]]) ;;
        *) cur=${before[${#before[@]}-1]}; unset "before[${#before[@]}-1]" ;;
    esac
WALK
    typed=$cur
    case $cur in
        -*=*) kind=$(_epics2kafkactl_kind "$verb" "${cur%%=*}"); typed=${cur#*=} ;;
        -*) [ -n "$option" ] || kind=options ;;
    esac
    COMPREPLY=()
    while IFS=$'\t' read -r reply _; do
        case $reply in "$typed"*) ;; *) continue ;; esac
        [ "$kind" = files ] || printf -v reply %q "$reply"
        # What stands before a colon is on the line already.
        case $typed in *:*) case $COMP_WORDBREAKS in *:*) reply=${reply#"${typed%"${typed##*:}"}"} ;; esac ;; esac
        COMPREPLY+=("$reply")
    done < <(case $kind in
        verbs) _epics2kafkactl_verbs ;;
        options) _epics2kafkactl_options "$verb" ;;
        files) compgen -f -- "$typed" ;;
        words:*) printf '%s\n' ${kind#words:} ;;
        channels | topics | slots) "${ask[@]}" complete "$kind" "$typed" 2>/dev/null ;;
    esac)
    [ "$kind" != files ] || compopt -o filenames 2>/dev/null
}
complete -F _epics2kafkactl epics2kafkactl
)sh";

constexpr const char* kZsh = R"sh(
_epics2kafkactl() {
    local cur=${words[CURRENT]} tab=$'\t'
    local -a before found
    before=("${(@)words[2,CURRENT-1]}")
WALK
    case $cur in
        -*=*) kind=$(_epics2kafkactl_kind "$verb" "${cur%%=*}"); compset -P '*=' ;;
        -*) [ -n "$option" ] || kind=options ;;
    esac
    case $kind in
        verbs) found=("${(@f)$(_epics2kafkactl_verbs)}"); found=("${(@)found/$tab/:}"); _describe verb found ;;
        options) found=("${(@f)$(_epics2kafkactl_options "$verb")}"); found=("${(@)found/$tab/:}"); _describe option found ;;
        files) _files ;;
        words:*) compadd -- ${=kind#words:} ;;
        channels | topics | slots) found=("${(@f)$("${ask[@]}" complete "$kind" "${(Q)PREFIX}" 2>/dev/null)}")
            compadd -- "${(@)found:#}" ;;
    esac
}
if [ "${funcstack[1]}" = _epics2kafkactl ]; then _epics2kafkactl "$@"; else compdef _epics2kafkactl epics2kafkactl; fi
)sh";

std::string with_walk(std::string text, const std::string& list) {
  const std::string mark = "WALK\n";
  return text.replace(text.find(mark), mark.size(), walk(list));
}

std::string fish_values(const Kind& kind) {
  if (kind.name == "files") return " -F";
  if (kind.name == "nothing") return "";
  if (kind.name.starts_with("words:")) return " -a " + quoted(kind.name.substr(6));
  return " -a '(__epics2kafkactl_ask " + kind.name + ")'";
}

std::string fish_option(const std::string& condition, const OptionWords& option) {
  std::string line = "complete -c epics2kafkactl" + condition;
  for (const std::string& name : option.names)
    line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  if (option.takes_value) line += (option.kind.name == "files" ? " -r" : " -x") + fish_values(option.kind);
  return line + " -d " + quoted(option.help) + "\n";
}

// True where the verb is $argv[1] ("" for none yet) and, if there is one, $argv[2] is the place of the
// positional.
constexpr const char* kFish = R"sh(function __epics2kafkactl_at
    set -l words (commandline -opc)
    set -l verb ''
    set -l place 1
    set -l skip no
    for word in $words[2..-1]
        if test $skip = yes
            set skip no
        else if contains -- $word VALUED
            set skip yes
        else if string match -q -- '-*' $word
        else if test -z "$verb"
            set verb $word
        else
            set place (math $place + 1)
        end
    end
    test "$verb" = "$argv[1]"; and begin; not set -q argv[2]; or test $place = "$argv[2]"; end
end
function __epics2kafkactl_ask
    set -l ask epics2kafkactl --timeout 2
    set -l words (commandline -opc)
    for i in (seq (count $words))
        switch $words[$i]
            case --socket --instance
                set -q words[(math $i + 1)]; and set -a ask $words[$i] $words[(math $i + 1)]
            case '--socket=*' '--instance=*'
                set -a ask $words[$i]
        end
    end
    $ask complete $argv[1] (string replace -r '^--[a-z-]+=' '' -- (commandline -ct)) 2>/dev/null
end
complete -c epics2kafkactl -f
)sh";

std::string fish(const VerbWords& common, const std::vector<VerbWords>& verbs) {
  std::set<std::string> valued;
  const auto gather = [&valued](const VerbWords& verb) {
    for (const OptionWords& option : verb.options)
      if (option.takes_value) valued.insert(option.names.begin(), option.names.end());
  };
  gather(common);
  std::ranges::for_each(verbs, gather);
  std::string names;
  for (const std::string& name : valued) names += (names.empty() ? "" : " ") + name;
  std::string text = kFish;
  text.replace(text.find("VALUED"), 6, names);
  for (const OptionWords& option : common.options) text += fish_option("", option);
  for (const VerbWords& verb : verbs) {
    text += "complete -c epics2kafkactl -n \"__epics2kafkactl_at ''\" -a " + verb.name + " -d " +
            quoted(verb.help) + "\n";
    const std::string at = " -n '__epics2kafkactl_at " + verb.name;
    for (const OptionWords& option : verb.options) text += fish_option(at + "'", option);
    for (size_t i = 0; i < verb.positionals.size(); ++i)
      if (const Kind& kind = verb.positionals[i].kind; kind.name != "nothing")
        text +=
            "complete -c epics2kafkactl" + at + " " + std::to_string(i + 1) + "'" + fish_values(kind) + "\n";
  }
  return text;
}

}  // namespace

std::optional<std::string> completion_script(const CLI::App& app, const std::string& shell) {
  VerbWords common;
  take_options(app, "", common);
  // The groups of `app` are its own; its verbs have names.
  const std::vector<VerbWords> verbs = verbs_of(app);
  const std::string head =
      "# Completions of epics2kafkactl for " + shell + ", by epics2kafkactl completions " + shell + "\n";
  if (shell == "bash") return head + tables(common, verbs) + with_walk(kBash, R"("${before[@]:1}")");
  if (shell == "zsh")
    return "#compdef epics2kafkactl\n" + head + tables(common, verbs) + with_walk(kZsh, R"("${(@)before}")");
  if (shell == "fish") return head + fish(common, verbs);
  return std::nullopt;
}

}  // namespace e2k::supervisor::ctl
