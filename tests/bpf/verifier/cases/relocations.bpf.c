/* CO-RE relocations that fail: the program is refused only if it gets there. */
#include "cases.h"

struct no_such_structure {
  int member;
} __attribute__((preserve_access_index));

PROGRAM(member_of_no_structure) {
  struct no_such_structure* missing = (void*)array_value();
  return missing ? missing->member : 0;  // REFUSED: invalid func unknown#195896080  LINUX: refused, in libbpf's words
}

// RULE: relocation
PROGRAM(member_of_no_structure_guarded) {  // ACCEPTED
  struct no_such_structure* missing = (void*)array_value();
  if (!__builtin_preserve_type_info(*(struct no_such_structure*)0, 0)) return 0;
  return missing ? missing->member : 0;
}
