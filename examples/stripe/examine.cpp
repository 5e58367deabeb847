#include "examine.hpp"

#include <algorithm>
#include <cstdio>

#include "progress.hpp"

// Reads the units of a stripe that can be good, each in a chain of its own.
void Examiner::start(unsigned index, uint64_t stripe) {
  Slot& slot = slots_[index];
  const Shape& shape = set_.shape();
  slot = {.stripe = stripe, .units = std::vector<Unit>(shape.members(), Unit::Good)};
  for (unsigned unit = 0; unit < shape.members(); unit++) {
    const unsigned at = shape.member_of(stripe, unit);
    Member& member = set_.member(at);
    if (member.fd < 0) {
      slot.units[unit] = Unit::Missing;
    } else if (!set_.has_record(at, stripe)) {
      slot.units[unit] = Unit::Unfinished;
    } else {
      std::byte* bytes = engine_.unit(index, unit);
      engine_.begin(chain_of(index, unit), 2);
      engine_.read(member.fd, bytes, shape.unit, shape.unit_at(stripe), at);
      engine_.check_crc(&member.records[stripe].crc, bytes, at);
      engine_.end();
      slot.chains++;
    }
  }
}

// True if that put something in flight.
bool Examiner::settle(unsigned index) {
  Slot& slot = slots_[index];
  slot.examined = true;
  slot.chains = found_(slot.stripe, index, slot.units) ? 1 : 0;
  return slot.chains > 0;
}

// Gives the slot the next stripe. False if there is none.
bool Examiner::advance(unsigned index) {
  while (next_ < set_.shape().stripes()) {
    start(index, next_++);
    if (slots_[index].chains || settle(index)) return true;
  }
  return false;
}

void Examiner::run(const char* title) {
  Progress progress(title, set_.shape().stripes());
  next_ = 0;
  unsigned busy = 0;
  for (unsigned i = 0; i < slots_.size(); i++) busy += advance(i);
  while (busy) {
    const Outcome outcome = engine_.wait();
    const unsigned index = outcome.chain / set_.shape().members();
    Slot& slot = slots_[index];
    if (outcome.error && slot.examined)
      die("stripe %llu: %s: %s", static_cast<unsigned long long>(slot.stripe), outcome.what,
          ring3::errno_name(outcome.error).c_str());
    if (outcome.error) slot.units[outcome.chain % set_.shape().members()] = Unit::Damaged;
    if (--slot.chains || (!slot.examined && settle(index))) continue;
    progress.step();
    if (!advance(index)) busy--;
  }
}

std::vector<bool> find_whole(Set& set, Engine& engine, const char* title) {
  std::vector<bool> whole(set.shape().stripes());
  Examiner examiner(set, engine, [&](uint64_t stripe, unsigned, const std::vector<Unit>& units) {
    const auto good = std::ranges::count(units, Unit::Good),
               missing = std::ranges::count(units, Unit::Missing);
    whole[stripe] = missing <= 1 && static_cast<size_t>(good + missing) == units.size();
    for (unsigned unit = 0; unit < units.size(); unit++)
      if (units[unit] == Unit::Damaged)
        std::printf("stripe %llu: member %u is damaged\n", static_cast<unsigned long long>(stripe),
                    set.shape().member_of(stripe, unit));
    return false;
  });
  examiner.run(title);
  return whole;
}
