// Finds the accesses that plainly go to the function's own stack or to a frozen map, by the arithmetic that
// made their addresses, and gives them real pointers in place of integers, and the freedom of plain accesses:
// nobody else writes there meanwhile.
#pragma once

#include <llvm/IR/Function.h>

namespace ring3::bpf {

// After registers became values. A stack that is also reached through addresses that are not followed here
// stays right: LLVM sees that its address was taken.
void promote_private_accesses(llvm::Function& function);

}  // namespace ring3::bpf
