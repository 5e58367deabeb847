// docs/support.md says what the tables of the code say. `RING3_UPDATE=1 test_docs` writes it anew.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "backend/backend.hpp"
#include "hooks/world.hpp"
#include "ring/operations.hpp"
#include "ring/register.hpp"

namespace ring3 {
namespace {

std::string operations_table() {
  auto threads = backend::create_threads({.entries = 8, .cq_entries = 16});
  EXPECT_TRUE(threads.has_value());
  std::string text = "| opcode | number | ring | `host` | `threads` |\n| --- | --- | --- | --- | --- |\n";
  for (const ring::Operation& operation : ring::operations()) {
    const bool forwarded = operation.support == ring::Support::Forwarded;
    const bool by_threads = forwarded && (*threads)->supports(operation.opcode);
    text += fmt::format("| {} | {} | {} | {} | {} |\n", operation.name, operation.opcode,
                        operation.support == ring::Support::Inline    ? "completes it, without a system call"
                        : operation.support == ring::Support::Handled ? "runs the program that has its id"
                        : forwarded                                ? "hands it over"
                                                                   : "-EINVAL",
                        forwarded ? "if the kernel has it" : "", by_threads ? "yes" : forwarded ? "-EINVAL" : "");
  }
  return text;
}

std::string register_table() {
  std::string text = "| opcode | number | who answers |\n| --- | --- | --- |\n";
  for (const ring::RegisterRow& row : ring::register_rows())
    text += fmt::format("| {} | {} | {} |\n", row.name, row.opcode,
                        row.support == ring::RegisterSupport::Ring      ? "the ring"
                        : row.support == ring::RegisterSupport::Backend ? "the back-end, if it has it"
                                                                        : "-EINVAL");
  return text;
}

std::string world_tables() {
  const bpf::World& world = *hooks::world();
  std::string text = "| helper | number | sleepable programs only |\n| --- | --- | --- |\n";
  for (const bpf::Helper& helper : world.helpers())
    text += fmt::format("| `{}` | {} | {} |\n", helper.name, helper.id, helper.sleepable ? "yes" : "");
  text += "\n| kfunc | sleepable programs only |\n| --- | --- |\n";
  for (const bpf::Kfunc& kfunc : world.kfuncs())
    text += fmt::format("| `{}` | {} |\n", kfunc.name, kfunc.flags & bpf::KF_SLEEPABLE ? "yes" : "");
  return text;
}

std::string support_page() {
  return "# What is supported\n\nMade from the tables of the code by `RING3_UPDATE=1 build/release/tests/test_docs`; "
         "a test fails when it is out of date.\n\n"
         "## Operations\n\n" +
         operations_table() + "\n## Registrations\n\n" + register_table() +
         "\n## What programs may call\n\nMaps: array, hash, LRU hash, per-CPU array, per-CPU hash, ring buffer, arena.\n\n" +
         world_tables();
}

TEST(Docs, SupportPageIsUpToDate) {
  const std::string path = RING3_SOURCE_DIR "/docs/support.md";
  const std::string page = support_page();
  if (std::getenv("RING3_UPDATE")) std::ofstream(path) << page;
  std::stringstream written;
  written << std::ifstream(path).rdbuf();
  EXPECT_TRUE(written.str() == page) << path << " is not what the tables say";
}

}  // namespace
}  // namespace ring3
