#include "model.hpp"

#include <algorithm>

namespace ring3::test {

namespace {

using namespace abi;

constexpr uint8_t kLinks = IOSQE_IO_LINK | IOSQE_IO_HARDLINK;

bool skips(const Step& step) { return step.flags & IOSQE_CQE_SKIP_SUCCESS; }

Counts counts_of(const Step& step, bool issued) {
  if (step.kind != Kind::Bpf) return {};
  if (step.error) return {1, 0, 0, 0};
  if (!issued) return {1, 0, 0, 1};
  return {1, 1, step.script.script & kIssueReturns ? 1u : 0u, 1};
}

// A chain with a step that can't be prepared: nothing of it runs.
std::vector<Seen> expect_cut(const Chain& chain) {
  std::vector<Seen> seen;
  for (const Step& step : chain.steps)
    seen.push_back({.res = step.error ? step.error : -ECANCELED,
                    .silent = !seen.empty() && skips(chain.steps[0]),
                    .counts = counts_of(step, false)});
  return seen;
}

// A result of an operation, and a script that leads to it.
void draw_operation(std::mt19937& random, bool plain, Step& step) {
  const auto value = static_cast<int32_t>(1 + random() % 100);
  Request& script = step.script;
  switch (random() % (plain ? 7 : 10)) {
    case 0:
      script = {.script = kSetInIssue, .set = value};
      step.res = value;
      break;
    case 1:
      script = {.script = kSetInIssue, .set = -value};
      step.res = -value;
      break;
    case 2:
      script = {.script = kIssueReturns, .returned = -value};
      step.res = -value;
      break;
    case 3:
      script = {.script = kIssueReturns | kSetInIssue, .set = 7, .returned = value};
      step.res = -EINVAL;
      break;
    case 4:
      script = {.script = kPrepFails, .set = plain ? -EINVAL : random() % 4 ? -value : value};
      step.error = script.set;
      break;
    case 7:
      script = {.script = kSetTwice, .set = value};
      step.res = value;
      step.failed = true;
      break;
    case 8:
      script = {.script = kSetInFail | kIssueReturns, .set = value, .returned = -EIO};
      step.res = value;
      step.failed = true;
      break;
    case 9:
      script = {.script = kSetInPrep, .set = value};
      step.res = value;
      break;
    default:
      break;
  }
  step.failed |= step.res < 0;
}

Step draw_step(std::mt19937& random, const Draw& draw) {
  Step step;
  if (draw.skips && random() % 5 == 0) step.flags |= IOSQE_CQE_SKIP_SUCCESS;
  if (draw.drains && random() % 12 == 0) step.flags |= IOSQE_IO_DRAIN;
  switch (random() % 10) {
    case 0:
      step.res = random() % 2 ? -5 : 6;
      break;
    case 1:
    case 2:
      step.kind = random() % 2 ? Kind::Read : Kind::Write;
      step.res = random() % 3 ? 50 : -EBADF;
      break;
    case 3:
      step.kind = Kind::Read;
      step.res = 36;  // of 50: short
      step.failed = true;
      break;
    case 4:
      if (random() % 6) break;
      step.kind = Kind::Invalid;
      step.error = -EINVAL;
      break;
    default:
      step.kind = Kind::Bpf;
      draw_operation(random, draw.plain, step);
      if (random() % 8 == 0) step.flags |= IOSQE_ASYNC;
  }
  step.failed |= step.res < 0;
  return step;
}

}  // namespace

bool Chain::drained() const {
  return std::ranges::any_of(steps, [](const Step& step) { return step.flags & IOSQE_IO_DRAIN; });
}
bool Chain::blocks() const {
  return std::ranges::any_of(steps, [](const Step& step) { return step.kind == Kind::Blocked; });
}

bool Chain::cut() const {
  return std::ranges::any_of(steps, [](const Step& step) { return step.error != 0; });
}
bool Chain::reaches_block() const {
  if (cut()) return false;
  for (const Step& step : steps) {
    if (step.kind == Kind::Blocked) return true;
    if (step.failed && !(step.flags & IOSQE_IO_HARDLINK)) return false;
  }
  return false;
}

std::vector<Seen> expect(const Chain& chain, Fate fate) {
  if (chain.cut()) return expect_cut(chain);
  std::vector<Seen> seen;
  bool broken = false, silenced = false, ended = fate == Fate::NeverStarts;
  for (const Step& step : chain.steps) {
    if (fate == Fate::EndsWhereItBlocks && step.kind == Kind::Blocked && !broken) ended = true;
    if (ended || broken) {
      seen.push_back({.res = -ECANCELED, .silent = ended || silenced, .counts = counts_of(step, false)});
      continue;
    }
    seen.push_back({.res = step.res, .silent = skips(step) && !step.failed, .counts = counts_of(step, true)});
    broken = step.failed && !(step.flags & IOSQE_IO_HARDLINK);
    silenced = broken && skips(step);
  }
  return seen;
}

Chain draw_chain(std::mt19937& random, const Draw& draw) {
  Chain chain;
  const size_t length = 1 + random() % 6;
  for (size_t i = 0; i < length; i++) chain.steps.push_back(draw_step(random, draw));
  for (size_t i = 0; i + 1 < length; i++)
    chain.steps[i].flags |= random() % 4 ? IOSQE_IO_LINK : IOSQE_IO_HARDLINK;
  if (draw.blocks && random() % 3 == 0) {
    chain.release = static_cast<Release>(random() % (draw.drains ? 2 : 3));
    Step& step = chain.steps[random() % length];
    step = {.kind = Kind::Blocked, .flags = static_cast<uint8_t>(step.flags & kLinks)};
    step.res = chain.release == Release::Full ? 8 : chain.release == Release::Short ? 4 : -ECANCELED;
    step.failed = chain.release != Release::Full;
  }
  return chain;
}

}  // namespace ring3::test
