#include "bench/objects.hpp"

#include <filesystem>

#include "base/error.hpp"

namespace ring3::bench {

std::string object_path(const char* folder, const char* name) {
  const auto command = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  const std::string file = std::string(name) + ".bpf.o";
  const auto beside = command / folder / file;
  if (std::filesystem::exists(beside)) return beside;
  return command.parent_path() / "share/ring3" / folder / file;
}

Result<void> load(Module& module) {
  if (TRY(module.load())) return {};
  for (const ProgramVerdict& verdict : module.verdicts())
    if (!verdict.accepted) return fail(EACCES, verdict.program, "{}", verdict.text);
  return {};
}

}  // namespace ring3::bench
