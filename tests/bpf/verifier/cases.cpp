#include "cases.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

namespace ring3::bpf::test {

namespace {

namespace fs = std::filesystem;

std::string_view trim(std::string_view text) {
  while (!text.empty() && isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return text;
}

// The name in "PROGRAM(name) {", "STEP(name) {" and "FAST_STEP(name) {", or nothing.
std::string_view program_of(std::string_view line) {
  for (std::string_view macro : {"PROGRAM(", "STEP("}) {
    size_t at = line.find(macro);
    if (at == line.npos || isspace(static_cast<unsigned char>(line[0])) || line[0] == '#' || line[0] == '/')
      continue;
    line.remove_prefix(at + macro.size());
    return line.substr(0, line.find(')'));
  }
  return {};
}

// ": message LINUX: why the kernel differs"
void read_message(std::string_view note, std::string& message, std::string& host) {
  const size_t differs = note.find("LINUX: ");
  if (differs != note.npos) host = trim(note.substr(differs + 7));
  note = note.substr(0, differs);
  if (note.starts_with(": ")) message = trim(note.substr(2));
}

// "(name)" at the start of a note says whose it is.
void read_owner(std::string_view& note, std::string& program) {
  if (!note.starts_with("(")) return;
  program = note.substr(1, note.find(')') - 1);
  note.remove_prefix(note.find(')') + 1);
}

void read_file(const fs::path& path, std::vector<Case>& out) {
  std::string file = path.filename().string();
  file.resize(file.find('.'));
  std::ifstream in(path);
  std::string text, program;
  std::map<std::string, Case> cases;
  std::map<std::string, int> verdicts;
  for (unsigned number = 1; std::getline(in, text); number++) {
    if (auto name = program_of(text); !name.empty()) verdicts.emplace(program = name, 0);
    size_t comment = text.find("// ");
    if (comment == text.npos) continue;
    std::string_view note = std::string_view(text).substr(comment + 3);
    std::string owner = program;
    if (note.starts_with("STRICT")) {
      note.remove_prefix(6);
      read_owner(note, owner);
      Case& found = cases[owner];
      found.strict = true;
      found.strict_line = number;
      read_message(note, found.strict_message, found.strict_host);
      EXPECT_FALSE(found.strict_message.empty()) << path << ":" << number << ": no message";
      continue;
    }
    const bool accepted = note.starts_with("ACCEPTED");
    if (!accepted && !note.starts_with("REFUSED")) continue;
    note.remove_prefix(accepted ? 8 : 7);
    read_owner(note, owner);
    Case& found = cases[owner];
    found.accepted = accepted;
    found.line = number;
    read_message(note, found.message, found.host);
    EXPECT_TRUE(accepted || !found.message.empty()) << path << ":" << number << ": no message";
    verdicts[owner]++;
  }
  for (auto& [name, found] : cases) {
    found.file = file;
    found.program = name;
    out.push_back(found);
  }
  for (auto& [name, count] : verdicts) {
    EXPECT_EQ(count, 1) << path << ": program " << name << " has " << count << " verdicts";
  }
}

}  // namespace

std::string Case::object_path() const {
  return std::string(RING3_TEST_OBJECTS) + "/cases/" + file + ".bpf.o";
}

std::vector<Case> read_cases() {
  std::vector<fs::path> files;
  for (auto& entry : fs::directory_iterator(RING3_SOURCE_DIR "/tests/bpf/verifier/cases")) {
    if (entry.path().string().ends_with(".bpf.c")) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<Case> out;
  for (auto& path : files) read_file(path, out);
  return out;
}

}  // namespace ring3::bpf::test
