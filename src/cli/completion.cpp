// SPDX-License-Identifier: Apache-2.0
// cairn completion bash|zsh|fish: scripts written from the command line's own declaration.
#include <fmt/format.h>

#include "output.hpp"
#include "program.hpp"

namespace cairn::cli {

namespace {

struct Word {
  std::string text;
  std::string what;
};

/// A command by its path ("topic create") and the words that may follow.
struct Level {
  std::string path;
  std::vector<Word> words;
};

std::string first_line(std::string text) { return text.substr(0, text.find('\n')); }

void add_options(const CLI::App& app, std::vector<Word>& into) {
  for (const CLI::Option* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) {
      into.push_back({"--" + name, first_line(option->get_description())});
    }
  }
}

void collect(const CLI::App& root, const CLI::App& app, const std::string& path,
             std::vector<Level>& into) {
  Level level{path, {}};
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* command : commands) {
    level.words.push_back({command->get_name(), first_line(command->get_description())});
  }
  add_options(app, level.words);
  if (&app != &root) add_options(root, level.words);
  into.push_back(std::move(level));
  for (const CLI::App* command : commands) {
    collect(root, *command, path.empty() ? command->get_name() : path + " " + command->get_name(),
            into);
  }
}

/// Text within single quotes of a shell.
std::string shell_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string bash(const std::vector<Level>& levels) {
  std::string out =
      "# bash completion for cairn; load with: source <(cairn completion bash)\n"
      "_cairn() {\n"
      "  local path='' word next\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    next=\"${path:+$path }$word\"\n"
      "    case \"$next\" in\n      ";
  std::string paths;
  for (const auto& level : levels) {
    if (!level.path.empty()) paths += (paths.empty() ? "" : "|") + shell_quoted(level.path);
  }
  out += paths + ") path=$next ;;\n    esac\n  done\n  local words=''\n  case \"$path\" in\n";
  for (const auto& level : levels) {
    std::string words;
    for (const auto& word : level.words) words += (words.empty() ? "" : " ") + word.text;
    out += fmt::format("    {}) words={} ;;\n", shell_quoted(level.path), shell_quoted(words));
  }
  out +=
      "  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
      "}\n"
      "complete -o default -F _cairn cairn\n";
  return out;
}

std::string zsh(const std::vector<Level>& levels) {
  std::string out =
      "#compdef cairn\n"
      "# zsh completion for cairn; save as _cairn in a folder of $fpath\n"
      "_cairn() {\n"
      "  local path_='' word next\n"
      "  local -a choices\n"
      "  for word in \"${(@)words[2,CURRENT-1]}\"; do\n"
      "    next=\"${path_:+$path_ }$word\"\n"
      "    case \"$next\" in\n      ";
  std::string paths;
  for (const auto& level : levels) {
    if (!level.path.empty()) paths += (paths.empty() ? "" : "|") + shell_quoted(level.path);
  }
  out += paths + ") path_=$next ;;\n    esac\n  done\n  case \"$path_\" in\n";
  for (const auto& level : levels) {
    out += fmt::format("    {}) choices=(", shell_quoted(level.path));
    for (const auto& word : level.words) out += shell_quoted(word.text + ":" + word.what) + " ";
    out += ") ;;\n";
  }
  out += "  esac\n  _describe 'cairn' choices || _files\n}\ncompdef _cairn cairn\n";
  return out;
}

std::string fish(const std::vector<Level>& levels) {
  std::string out =
      "# fish completion for cairn; load with: cairn completion fish | source\n"
      "function __cairn_at\n"
      "  set -l words (commandline -opc)\n"
      "  set -e words[1]\n"
      "  set -l path\n"
      "  for word in $words\n"
      "    string match -q -- '-*' $word; or set path $path $word\n"
      "  end\n"
      "  set -l wanted (string split ' ' -- $argv[1])\n"
      "  test \"$argv[1]\" = ''; and set wanted\n"
      "  test (count $path) -ge (count $wanted); or return 1\n"
      "  test (count $wanted) -eq 0; and test (count $path) -eq 0; and return 0\n"
      "  test (count $wanted) -eq 0; and return 1\n"
      "  test \"$path[1..(count $wanted)]\" = \"$wanted\"\n"
      "end\n";
  for (const auto& level : levels) {
    for (const auto& word : level.words) {
      const bool option = word.text.starts_with("--");
      out += fmt::format(
          "complete -c cairn -n {} {} {} -d {}\n",
          shell_quoted("__cairn_at " + shell_quoted(level.path)), option ? "-l" : "-fa",
          shell_quoted(option ? word.text.substr(2) : word.text), shell_quoted(word.what));
    }
  }
  return out;
}

}  // namespace

void add_completion(CLI::App& app, Program& program) {
  auto shell = std::make_shared<std::string>();
  auto* command = add_command(app, "completion", "Print a completion script for a shell",
                              "source <(cairn completion bash)");
  command->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([&app, &program, shell] {
    std::vector<Level> levels;
    collect(app, app, "", levels);
    Printer out;
    out.buffer() = *shell == "bash" ? bash(levels) : *shell == "zsh" ? zsh(levels) : fish(levels);
    program.chosen = nullptr;
  });
}

}  // namespace cairn::cli
