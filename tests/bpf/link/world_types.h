/* The world's own layout of types that fixtures lay out differently. The test compiles it too: its offsetof is the
   oracle. */
#ifndef WORLD_TYPES_H
#define WORLD_TYPES_H

struct shape_inner {
  unsigned short s;
  unsigned int deep[4];
};
struct shape {
  unsigned long long first_of_all;
  unsigned int narrowed; /* 64 bits in the object */
  unsigned long long widened; /* 32 bits in the object */
  int got_sign; /* unsigned in the object */
  union {
    struct {
      unsigned char q;
      unsigned int in_anonymous;
    };
    long other;
  };
  unsigned int flag_a : 3, flag_b : 9, : 0;
  long signed_bits : 11, more : 40;
  struct shape_inner inner;
  unsigned int array[8];
  const char *name;
};
enum mood { MOOD_SAD = -3, MOOD_HAPPY = 7000 };
struct sized {
  char bytes[24];
};
typedef struct {
  int anything;
} named_by_typedef;

#endif
