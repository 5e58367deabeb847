/* Types that a fixture and its test share: what the host's compiler says of their layout is the oracle. */
#ifndef EVERYTHING_H
#define EVERYTHING_H

struct inner {
  unsigned short tag;
  unsigned int words[3];
};
struct params {
  unsigned char depth;
  unsigned long long bytes;
  struct inner parts[2];
  union {
    unsigned int low;
    struct {
      unsigned char first, second;
    };
  };
  unsigned int flag : 3, level : 9;
  const char *label;
  int (*callback)(struct inner *, const char *);
};

#endif
