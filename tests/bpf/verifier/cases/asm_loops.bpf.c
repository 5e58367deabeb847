#include "asm.h"

BARE_PROGRAM(endless) {
  ASM("1: goto 1b");
  ASM("r0 = 0");  // REFUSED: unreachable insn 1
  ASM("exit");
}

BARE_PROGRAM(endless_with_exit) {
  ASM("r0 = 0");
  ASM("1: if r10 == 0 goto 2f");  // REFUSED: infinite loop detected at insn
  ASM("goto 1b");
  ASM("2: exit");
}

// RULE: bounded-loops, endless-loop
BARE_PROGRAM(bounded) {  // ACCEPTED  LINUX: refused if strict, for what a processor may do in advance
  ASM("r0 = 0");
  ASM("1: r0 += 1");
  ASM("if r0 < 1000 goto 1b");
  ASM("exit");
}

// RULE: bounded-loops
BARE_PROGRAM(bounded_by_unknown) {  // ACCEPTED  LINUX: refused if strict, for what a processor may do in advance
  ASM("call 7");
  ASM("r0 &= 127");
  ASM("r6 = r0");
  ASM("r7 = 0");
  ASM("1: if r7 >= r6 goto 2f");
  ASM("r7 += 1");
  ASM("goto 1b");
  ASM("2: r0 = 0");
  ASM("exit");
}

// RULE: bounded-loops
BARE_PROGRAM(too_long) {
  ASM("r0 = 0");
  ASM("1: r0 += 1");
  ASM("if r0 < 2000000 goto 1b");  // REFUSED: BPF program is too large  LINUX: refused, at whichever instruction is the millionth
  ASM("exit");
}

BARE_PROGRAM(unbounded_counter) {
  ASM("call 5");
  ASM("r6 = r0");
  ASM("r7 = 0");
  ASM("1: r7 += 1");
  ASM("if r7 != r6 goto 1b");  // REFUSED: BPF program is too large  LINUX: refused, at whichever instruction is the millionth
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: bounded-loops, out-of-bounds
BARE_PROGRAM(loop_over_array) {  // ACCEPTED
  ASM("r6 = 0");
  ASM("r7 = bytes ll");
  ASM("1: r8 = r7");
  ASM("r8 += r6");
  ASM("r0 = *(u8 *)(r8 + 0)");
  ASM("r6 += 1");
  ASM("if r6 < 64 goto 1b");
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: bounded-loops
BARE_PROGRAM(loop_over_array_one_too_far) {
  ASM("r6 = 0");
  ASM("r7 = bytes ll");
  ASM("1: r8 = r7");
  ASM("r8 += r6");
  ASM("r0 = *(u8 *)(r8 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("r6 += 1");
  ASM("if r6 < 65 goto 1b");
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: too-complex, precision
BARE_PROGRAM(many_diamonds) {  // ACCEPTED
  ASM("r6 = 0");
  ASM("call 7");
  ASM("if r0 == 0 goto 1f");
  ASM("r6 += 1");
  ASM("1: call 7");
  ASM("if r0 == 1 goto 2f");
  ASM("r6 += 2");
  ASM("2: call 7");
  ASM("if r0 == 2 goto 3f");
  ASM("r6 += 3");
  ASM("3: call 7");
  ASM("if r0 == 3 goto 4f");
  ASM("r6 += 4");
  ASM("4: call 7");
  ASM("if r0 == 4 goto 5f");
  ASM("r6 += 5");
  ASM("5: call 7");
  ASM("if r0 == 5 goto 6f");
  ASM("r6 += 6");
  ASM("6: call 7");
  ASM("if r0 == 6 goto 7f");
  ASM("r6 += 7");
  ASM("7: call 7");
  ASM("if r0 == 7 goto 8f");
  ASM("r6 += 8");
  ASM("8: call 7");
  ASM("if r0 == 8 goto 9f");
  ASM("r6 += 9");
  ASM("9: call 7");
  ASM("if r0 == 9 goto 10f");
  ASM("r6 += 10");
  ASM("10: call 7");
  ASM("if r0 == 10 goto 11f");
  ASM("r6 += 11");
  ASM("11: call 7");
  ASM("if r0 == 11 goto 12f");
  ASM("r6 += 12");
  ASM("12: call 7");
  ASM("if r0 == 12 goto 13f");
  ASM("r6 += 13");
  ASM("13: call 7");
  ASM("if r0 == 13 goto 14f");
  ASM("r6 += 14");
  ASM("14: call 7");
  ASM("if r0 == 14 goto 15f");
  ASM("r6 += 15");
  ASM("15: call 7");
  ASM("if r0 == 15 goto 16f");
  ASM("r6 += 16");
  ASM("16: call 7");
  ASM("if r0 == 16 goto 17f");
  ASM("r6 += 17");
  ASM("17: call 7");
  ASM("if r0 == 17 goto 18f");
  ASM("r6 += 18");
  ASM("18: call 7");
  ASM("if r0 == 18 goto 19f");
  ASM("r6 += 19");
  ASM("19: call 7");
  ASM("if r0 == 19 goto 20f");
  ASM("r6 += 20");
  ASM("20: call 7");
  ASM("if r0 == 20 goto 21f");
  ASM("r6 += 21");
  ASM("21: call 7");
  ASM("if r0 == 21 goto 22f");
  ASM("r6 += 22");
  ASM("22: call 7");
  ASM("if r0 == 22 goto 23f");
  ASM("r6 += 23");
  ASM("23: call 7");
  ASM("if r0 == 23 goto 24f");
  ASM("r6 += 24");
  ASM("24: call 7");
  ASM("if r0 == 24 goto 25f");
  ASM("r6 += 25");
  ASM("25: call 7");
  ASM("if r0 == 25 goto 26f");
  ASM("r6 += 26");
  ASM("26: call 7");
  ASM("if r0 == 26 goto 27f");
  ASM("r6 += 27");
  ASM("27: call 7");
  ASM("if r0 == 27 goto 28f");
  ASM("r6 += 28");
  ASM("28: call 7");
  ASM("if r0 == 28 goto 29f");
  ASM("r6 += 29");
  ASM("29: call 7");
  ASM("if r0 == 29 goto 30f");
  ASM("r6 += 30");
  ASM("30: call 7");
  ASM("if r0 == 30 goto 31f");
  ASM("r6 += 31");
  ASM("31: call 7");
  ASM("if r0 == 31 goto 32f");
  ASM("r6 += 32");
  ASM("32: call 7");
  ASM("if r0 == 32 goto 33f");
  ASM("r6 += 33");
  ASM("33: call 7");
  ASM("if r0 == 33 goto 34f");
  ASM("r6 += 34");
  ASM("34: call 7");
  ASM("if r0 == 34 goto 35f");
  ASM("r6 += 35");
  ASM("35: call 7");
  ASM("if r0 == 35 goto 36f");
  ASM("r6 += 36");
  ASM("36: call 7");
  ASM("if r0 == 36 goto 37f");
  ASM("r6 += 37");
  ASM("37: call 7");
  ASM("if r0 == 37 goto 38f");
  ASM("r6 += 38");
  ASM("38: call 7");
  ASM("if r0 == 38 goto 39f");
  ASM("r6 += 39");
  ASM("39: call 7");
  ASM("if r0 == 39 goto 40f");
  ASM("r6 += 40");
  ASM("40: call 7");
  ASM("if r0 == 40 goto 41f");
  ASM("r6 += 41");
  ASM("41: call 7");
  ASM("if r0 == 41 goto 42f");
  ASM("r6 += 42");
  ASM("42: call 7");
  ASM("if r0 == 42 goto 43f");
  ASM("r6 += 43");
  ASM("43: call 7");
  ASM("if r0 == 43 goto 44f");
  ASM("r6 += 44");
  ASM("44: call 7");
  ASM("if r0 == 44 goto 45f");
  ASM("r6 += 45");
  ASM("45: call 7");
  ASM("if r0 == 45 goto 46f");
  ASM("r6 += 46");
  ASM("46: call 7");
  ASM("if r0 == 46 goto 47f");
  ASM("r6 += 47");
  ASM("47: call 7");
  ASM("if r0 == 47 goto 48f");
  ASM("r6 += 48");
  ASM("48: call 7");
  ASM("if r0 == 48 goto 49f");
  ASM("r6 += 49");
  ASM("49: call 7");
  ASM("if r0 == 49 goto 50f");
  ASM("r6 += 50");
  ASM("50: call 7");
  ASM("if r0 == 50 goto 51f");
  ASM("r6 += 51");
  ASM("51: call 7");
  ASM("if r0 == 51 goto 52f");
  ASM("r6 += 52");
  ASM("52: call 7");
  ASM("if r0 == 52 goto 53f");
  ASM("r6 += 53");
  ASM("53: call 7");
  ASM("if r0 == 53 goto 54f");
  ASM("r6 += 54");
  ASM("54: call 7");
  ASM("if r0 == 54 goto 55f");
  ASM("r6 += 55");
  ASM("55: call 7");
  ASM("if r0 == 55 goto 56f");
  ASM("r6 += 56");
  ASM("56: call 7");
  ASM("if r0 == 56 goto 57f");
  ASM("r6 += 57");
  ASM("57: call 7");
  ASM("if r0 == 57 goto 58f");
  ASM("r6 += 58");
  ASM("58: call 7");
  ASM("if r0 == 58 goto 59f");
  ASM("r6 += 59");
  ASM("59: call 7");
  ASM("if r0 == 59 goto 60f");
  ASM("r6 += 60");
  ASM("60: r0 = 0");
  ASM("exit");
}

// RULE: precision
BARE_PROGRAM(diamonds_that_matter) {
  ASM("r6 = 0");
  ASM("call 7");
  ASM("if r0 == 0 goto 1f");
  ASM("r6 = 64");
  ASM("1: r7 = bytes ll");
  ASM("r7 += r6");
  ASM("r0 = *(u8 *)(r7 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("exit");
}

// RULE: precision, spills
BARE_PROGRAM(diamonds_that_matter_spilled) {
  ASM("*(u64 *)(r10 - 8) = 0");
  ASM("call 7");
  ASM("if r0 == 0 goto 1f");
  ASM("*(u64 *)(r10 - 8) = 64");
  ASM("1: r7 = bytes ll");
  ASM("r6 = *(u64 *)(r10 - 8)");
  ASM("r7 += r6");
  ASM("r0 = *(u8 *)(r7 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("exit");
}

// RULE: may-goto
BARE_PROGRAM(may_goto) {  // ACCEPTED
  ASM("r6 = 0");
  ASM("1: may_goto 2f");
  ASM("r6 += 1");
  ASM("goto 1b");
  ASM("2: r0 = 0");
  ASM("exit");
}
