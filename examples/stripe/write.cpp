#include "write.hpp"

#include <algorithm>
#include <cstring>
#include <span>

#include "progress.hpp"

namespace {

constexpr uint64_t kBatchBytes = 8 << 20;  // of the source, between two fsyncs

class Writer {
 public:
  Writer(Set& set, Engine& engine, int source)
      : set_(set), shape_(set.shape()), engine_(engine), source_(source) {}

  // The units of these stripes, with several stripes in flight.
  void write_units(std::span<const uint64_t> stripes, Progress& progress) {
    size_t next = 0;
    unsigned busy = 0;
    for (unsigned slot = 0; slot < Engine::kDepth && next < stripes.size(); slot++, busy++)
      start(slot, stripes[next++]);
    while (busy) {
      const Outcome outcome = engine_.wait();
      if (outcome.error)
        die("%s: member %u: %s", outcome.what, outcome.member, ring3::errno_name(outcome.error).c_str());
      progress.step();
      if (next < stripes.size()) {
        start(outcome.chain, stripes[next++]);
      } else {
        busy--;
      }
    }
  }

  // The records of stripes whose units are written.
  void seal(std::span<const uint64_t> stripes) {
    for (const uint64_t stripe : stripes) set_.set_record(stripe);
    // What lies between is whole already, and is written again as it is.
    const uint64_t first = stripes.front(), count = stripes.back() - first + 1;
    engine_.begin(0, 2 * shape_.members());
    sync_all();
    for (unsigned i = 0; i < shape_.members(); i++)
      engine_.write_records(set_.member(i).fd, &set_.member(i).records[first],
                            static_cast<uint32_t>(count * sizeof(Record)), shape_.record_at(first), i);
    engine_.finish();
  }

  void sync() {
    engine_.begin(0, shape_.members());
    sync_all();
    engine_.finish();
  }

 private:
  void start(unsigned slot, uint64_t stripe) {
    const uint32_t bytes = shape_.bytes_in(stripe);
    // The last stripe is filled up with zeros.
    std::memset(engine_.unit(slot, 0) + bytes, 0, shape_.stripe_bytes() - bytes);
    engine_.begin(slot, 2 + 2 * shape_.members());
    engine_.read(source_, engine_.unit(slot, 0), bytes, stripe * shape_.stripe_bytes());
    engine_.parity(slot, shape_.data);
    for (unsigned unit = 0; unit < shape_.members(); unit++)
      engine_.make_crc(&member_of(stripe, unit).records[stripe].crc, engine_.unit(slot, unit));
    for (unsigned unit = 0; unit < shape_.members(); unit++)
      engine_.write(member_of(stripe, unit).fd, engine_.unit(slot, unit), shape_.unit, shape_.unit_at(stripe),
                    shape_.member_of(stripe, unit));
    engine_.end();
  }
  Member& member_of(uint64_t stripe, unsigned unit) { return set_.member(shape_.member_of(stripe, unit)); }
  void sync_all() {
    for (unsigned i = 0; i < shape_.members(); i++) engine_.sync(set_.member(i).fd, i);
  }

  Set& set_;
  const Shape& shape_;
  Engine& engine_;
  int source_;
};

}  // namespace

void write_stripes(Set& set, Engine& engine, int source, const std::vector<bool>& whole) {
  std::vector<uint64_t> stripes;
  for (uint64_t stripe = 0; stripe < whole.size(); stripe++)
    if (!whole[stripe]) stripes.push_back(stripe);
  Progress progress("writing", stripes.size());
  Writer writer(set, engine, source);
  const size_t batch = std::max<uint64_t>(1, kBatchBytes / set.shape().stripe_bytes());
  for (size_t at = 0; at < stripes.size(); at += batch) {
    const std::span now(stripes.data() + at, std::min(batch, stripes.size() - at));
    writer.write_units(now, progress);
    writer.seal(now);
  }
  if (!stripes.empty()) writer.sync();
}
