#include "round.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ring3::test {

using namespace abi;

Round::Round(std::mt19937& random, const Draw& draw, Files& files, bool closes, uint32_t first)
    : files_(files), next_(first) {
  const size_t count = 1 + random() % 4;
  for (size_t i = 0; i < count; i++) {
    chains_.push_back(draw_chain(random, draw));
    pipes_.emplace_back();
  }
  bool stuck = false, waits = false;  // something before never ends; and a drain is waited for
  for (Chain& chain : chains_) {
    waits |= stuck && chain.drained() && !chain.cut();
    const bool blocks = closes && chain.reaches_block();
    const Fate fate = !closes  ? Fate::Runs
                      : waits  ? Fate::NeverStarts
                      : blocks ? Fate::EndsWhereItBlocks
                               : Fate::Runs;
    stuck |= blocks;
    waits |= blocks && chain.drained();
    expected_.push_back(expect(chain, fate));
    first_.push_back(next_);
    next_ += static_cast<uint32_t>(chain.steps.size());
  }
}

size_t Round::visible() const {
  size_t count = 0;
  for (const auto& chain : expected_) count += size_t(std::ranges::count(chain, false, &Seen::silent));
  return count;
}

std::vector<Sqe> Round::sqes(bool plain) {
  std::vector<Sqe> all;
  for (size_t chain = 0; chain < chains_.size(); chain++)
    for (size_t i = 0; i < chains_[chain].steps.size(); i++)
      all.push_back(sqe(chains_[chain].steps[i], pipes_[chain], first_[chain] + i, plain));
  return all;
}

Sqe Round::sqe(const Step& step, const Pipe& pipe, uint64_t user_data, bool plain) {
  Sqe sqe{.flags = step.flags, .fd = -1, .user_data = user_data};
  switch (step.kind) {
    case Kind::Invalid:
      sqe.opcode = 200;
      break;
    case Kind::Read:
    case Kind::Write:
      sqe.opcode = step.kind == Kind::Read ? IORING_OP_READ : IORING_OP_WRITE;
      sqe.fd = step.res == -EBADF ? -1 : files_.file;
      sqe.off = step.res == 36 ? 4096 - 36 : 0;
      sqe.addr = files_.buffer(user_data);
      sqe.len = 50;
      break;
    case Kind::Blocked:
      sqe.opcode = IORING_OP_READ;
      sqe.fd = pipe.ends[0];
      sqe.addr = files_.buffer(user_data);
      sqe.len = 8;
      break;
    case Kind::Bpf:
      if (!plain) return bpf_sqe(user_data, step.script, step.flags);
      if (step.error) sqe.opcode = 200;
      [[fallthrough]];
    case Kind::Nop:
      sqe.len = static_cast<uint32_t>(step.res);
      sqe.op_flags = IORING_NOP_INJECT_RESULT;
  }
  return sqe;
}

std::string Round::text() const {
  static const char* const kinds[] = {"nop", "read", "write", "bpf", "invalid", "blocked"};
  std::string text;
  for (size_t chain = 0; chain < chains_.size(); chain++) {
    text += fmt::format("\nchain {} ({}):", chain, int(chains_[chain].release));
    for (size_t i = 0; i < chains_[chain].steps.size(); i++) {
      const Step& step = chains_[chain].steps[i];
      const Seen& seen = expected_[chain][i];
      text += fmt::format(
          "\n  {} {} flags {:x} script {} set {} returned {} → {}{}, prep {} issue {} fail {} cleanup {}",
          first_[chain] + i, kinds[int(step.kind)], step.flags, step.script.script, step.script.set,
          step.script.returned, seen.res, seen.silent ? " silently" : "", seen.counts.prep, seen.counts.issue,
          seen.counts.fail, seen.counts.cleanup);
    }
  }
  return text;
}

}  // namespace ring3::test
