/* Programs under another licence. */
#define CASES_LICENSE "Proprietary"
#include "cases.h"

PROGRAM(prints_without_the_licence) {
  static const char format[] = "hello";
  return bpf_trace_printk(format, sizeof(format));  // REFUSED: cannot call GPL-restricted function from non-GPL compatible program
}

// RULE: licence
PROGRAM(counts_without_the_licence) {  // ACCEPTED
  return NUMBER();
}
