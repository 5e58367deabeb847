// Writes stripes: read → parity → checksums → k + 1 writes, each stripe a chain of linked requests.
#pragma once

#include <cstdint>
#include <vector>

#include "engine.hpp"
#include "set.hpp"

// Those of the source that `whole` does not have. A batch of stripes is made safe on all members (fsync)
// before their records are written: a record never says more than is true.
void write_stripes(Set& set, Engine& engine, int source, const std::vector<bool>& whole);
