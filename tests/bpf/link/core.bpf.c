/* CO-RE: the object's idea of the types of world_types.h, laid out differently, and what it asks about them. */
typedef unsigned int u32;
typedef unsigned long long u64;
#define SEC(name) __attribute__((section(name), used))
#define __core __attribute__((preserve_access_index))

struct shape_inner {
  u64 moved;
  u32 deep[4];
  unsigned short s;
} __core;
struct shape {
  const char *name;
  u32 array[8];
  struct shape_inner inner;
  u64 narrowed;
  u32 widened;
  u32 got_sign;
  u32 in_anonymous;
  u32 flag_b : 4, flag_a : 8;
  long signed_bits : 20;
  u32 missing;
} __core;
struct shape___other {
  long in_anonymous; /* of a type that does not fit: still an integer, which is enough */
  u32 widened;
} __core;
struct unknown_here {
  int x, y;
} __core;
enum mood { MOOD_HAPPY = 1, MOOD_ANGRY = 2, MOOD_SAD = 3 };
enum mood___later { MOOD_SAD___later = 9 };
struct sized {
  char bytes[8];
};
typedef struct {
  char other[3];
} named_by_typedef;
struct shape___same {
  u64 first_of_all;
  u32 narrowed;
};
struct shape___unlike {
  char first_of_all;
};

enum { OFFSET, SIZE, EXISTS, IS_SIGNED, LEFT, RIGHT };
#define INFO(field, what) __builtin_preserve_field_info(field, what)
#define TYPE_INFO(type, what) __builtin_preserve_type_info(*(typeof(type) *)0, what)
#define ENUM_INFO(type, value, what) __builtin_preserve_enum_value(*(typeof(type) *)value, what)

volatile struct {
  u64 offset_array, offset_deep, offset_anonymous, offset_name, size_array, size_narrowed, sign_sign, sign_narrowed;
  u64 exists_s, exists_missing, exists_unknown, exists_moved;
  u64 bits_offset, bits_size, bits_left, bits_right, bits_sign;
  u64 flag_left, flag_right, flag_offset, flag_size;
  u64 shape_size, sized_size, shape_exists, unknown_exists, unknown_size, typedef_exists;
  u64 happy, sad, flavoured, happy_exists, angry_exists;
  u64 matches_same, matches_unlike;
} out;

SEC("test") int ask(void) {
  struct shape *shape = 0;
  struct shape_inner *inner = 0;
  struct unknown_here *unknown = 0;
  out.offset_array = INFO(shape->array[3], OFFSET);
  out.offset_deep = INFO(shape->inner.deep[2], OFFSET);
  out.offset_anonymous = INFO(shape->in_anonymous, OFFSET);
  out.offset_name = INFO(shape->name, OFFSET);
  out.size_array = INFO(shape->array, SIZE);
  out.size_narrowed = INFO(shape->narrowed, SIZE);
  out.sign_sign = INFO(shape->got_sign, IS_SIGNED);
  out.sign_narrowed = INFO(shape->narrowed, IS_SIGNED);
  out.exists_s = INFO(inner->s, EXISTS);
  out.exists_missing = INFO(shape->missing, EXISTS);
  out.exists_unknown = INFO(unknown->x, EXISTS);
  out.exists_moved = INFO(inner->moved, EXISTS);
  out.bits_offset = INFO(shape->signed_bits, OFFSET);
  out.bits_size = INFO(shape->signed_bits, SIZE);
  out.bits_left = INFO(shape->signed_bits, LEFT);
  out.bits_right = INFO(shape->signed_bits, RIGHT);
  out.bits_sign = INFO(shape->signed_bits, IS_SIGNED);
  out.flag_offset = INFO(shape->flag_b, OFFSET);
  out.flag_size = INFO(shape->flag_b, SIZE);
  out.flag_left = INFO(shape->flag_b, LEFT);
  out.flag_right = INFO(shape->flag_b, RIGHT);
  out.shape_exists = TYPE_INFO(struct shape, 0);
  out.unknown_exists = TYPE_INFO(struct unknown_here, 0);
  out.typedef_exists = TYPE_INFO(named_by_typedef, 0);
  out.shape_size = TYPE_INFO(struct shape, 1);
  out.sized_size = TYPE_INFO(struct sized, 1);
  out.unknown_size = TYPE_INFO(struct unknown_here, 1);
  out.matches_same = TYPE_INFO(struct shape___same, 2);
  out.matches_unlike = TYPE_INFO(struct shape___unlike, 2);
  out.happy = ENUM_INFO(enum mood, MOOD_HAPPY, 1);
  out.sad = ENUM_INFO(enum mood, MOOD_SAD, 1);
  out.flavoured = ENUM_INFO(enum mood___later, MOOD_SAD___later, 1);
  out.happy_exists = ENUM_INFO(enum mood, MOOD_HAPPY, 0);
  out.angry_exists = ENUM_INFO(enum mood, MOOD_ANGRY, 0);
  return 0;
}

/* Reads a shape of the world's layout through the object's. */
SEC("test/read") u64 read_shape(struct shape *shape) {
  return shape->narrowed + shape->widened + shape->inner.deep[1] + shape->array[7] + shape->in_anonymous;
}
SEC("test/other") u64 read_flavour(struct shape___other *shape) { return shape->widened; }
SEC("test/missing") u64 read_missing(struct shape *shape) { return shape->missing; }
SEC("test/unknown") u64 read_unknown(struct unknown_here *it) { return it->y; }
char LICENSE[] SEC("license") = "GPL";
