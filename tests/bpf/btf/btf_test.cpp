// BTF by hand: what the types mean, and what a hostile file may not claim. (What compilers emit is tested
// with objects.)
#include "bpf/btf/btf.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "bpf/btf/text.hpp"

namespace ring3::bpf {
namespace {

// Puts a .BTF section together. Every method returns the id of the type that it added.
class Builder {
 public:
  Builder() { name(""); }

  uint32_t name(const std::string& text) {
    const auto [at, is_new] = offsets_.emplace(text, strings_.size());
    if (is_new) strings_.append(text.c_str(), text.size() + 1);
    return at->second;
  }
  TypeId add(BtfKind kind, const std::string& text, uint32_t size_or_type, unsigned vlen = 0,
             bool flag = false, std::initializer_list<uint32_t> rest = {}) {
    types_.insert(types_.end(),
                  {name(text), uint32_t(kind) << 24 | vlen | uint32_t(flag) << 31, size_or_type});
    types_.insert(types_.end(), rest);
    return ++count_;
  }
  TypeId integer(const std::string& text, uint32_t bytes, bool is_signed = false) {
    return add(BtfKind::Int, text, bytes, 0, false, {uint32_t(is_signed) << 24 | bytes * 8});
  }
  TypeId pointer(TypeId to) { return add(BtfKind::Ptr, "", to); }
  TypeId array(TypeId element, uint32_t length) {
    return add(BtfKind::Array, "", 0, 0, false, {element, 1, length});
  }
  // One member for each (name, type, bit offset).
  struct Member {
    std::string name;
    TypeId type;
    uint32_t offset;
  };
  TypeId record(BtfKind kind, const std::string& text, uint32_t bytes, std::vector<Member> members,
                bool bit_fields = false) {
    const TypeId id = add(kind, text, bytes, members.size(), bit_fields);
    for (const auto& member : members)
      types_.insert(types_.end(), {name(member.name), member.type, member.offset});
    return id;
  }

  abi::BtfHeader header() const {
    const uint32_t bytes = types_.size() * 4;
    return {abi::BTF_MAGIC, 1, 0, sizeof(abi::BtfHeader), 0, bytes, bytes, uint32_t(strings_.size())};
  }
  std::vector<std::byte> bytes() const { return bytes(header()); }
  std::vector<std::byte> bytes(const abi::BtfHeader& header) const {
    std::vector<std::byte> all(sizeof header + types_.size() * 4 + strings_.size());
    memcpy(all.data(), &header, sizeof header);
    memcpy(all.data() + sizeof header, types_.data(), types_.size() * 4);
    memcpy(all.data() + sizeof header + types_.size() * 4, strings_.data(), strings_.size());
    return all;
  }

  std::string strings_;

 private:
  std::map<std::string, uint32_t> offsets_;
  std::vector<uint32_t> types_;
  TypeId count_ = 0;
};

TEST(Btf, SpellsTypesAsC) {
  Builder b;
  const auto integer = b.integer("int", 4, true);
  const auto character = b.integer("char", 1, true);
  const auto record = b.record(BtfKind::Struct, "box", 4, {{"x", integer, 0}});
  const auto constant = b.add(BtfKind::Const, "", character);
  const auto text = b.pointer(constant);
  const auto fixed_text = b.add(BtfKind::Const, "", text);
  const auto texts = b.array(fixed_text, 3);
  const auto tagged = b.add(BtfKind::TypeTag, "user", record);
  const auto boxes = b.pointer(tagged);
  const auto proto =
      b.add(BtfKind::FuncProto, "", integer, 2, false, {b.name("a"), boxes, b.name("b"), text});
  const auto callback = b.pointer(proto);
  const auto callbacks = b.array(callback, 2);
  const auto function = b.add(BtfKind::Func, "act", proto, abi::BTF_GLOBAL);
  const auto procedure = b.pointer(b.add(BtfKind::FuncProto, "", 0));
  const auto alias = b.add(BtfKind::Typedef, "box_t", record);
  const auto forward = b.add(BtfKind::Fwd, "later", 0, 0, true);
  const auto matrix = b.array(b.array(integer, 3), 2);
  const auto btf = Btf::parse(b.bytes());
  ASSERT_TRUE(btf) << btf.error().text();
  const std::pair<TypeId, const char*> expected[] = {
      {0, "void"},
      {integer, "int"},
      {text, "const char *"},
      {fixed_text, "const char *const"},
      {texts, "const char *const[3]"},
      {boxes, "struct box *"},
      {callback, "int (*)(struct box *, const char *)"},
      {callbacks, "int (*[2])(struct box *, const char *)"},
      {function, "int act(struct box *, const char *)"},
      {procedure, "void (*)(void)"},
      {alias, "box_t"},
      {forward, "union later"},
      {matrix, "int[2][3]"},
  };
  for (const auto& [id, spelling] : expected) {
    std::string ours = btf->spell(id), wanted = spelling;
    std::erase(ours, ' ');
    std::erase(wanted, ' ');
    EXPECT_EQ(ours, wanted) << btf->spell(id);
  }
  EXPECT_TRUE(btf->has_type_tag(btf->target(boxes), "user"));
  EXPECT_FALSE(btf->has_type_tag(btf->target(boxes), "arena"));
  EXPECT_EQ(btf->resolve(alias), record);
  EXPECT_EQ(btf->find(BtfKind::Typedef, "box_t"), alias);
  EXPECT_EQ(btf->find(BtfKind::Struct, "box_t"), std::nullopt);
}

TEST(Btf, TypesThatMentionThemselvesAreSpelledInBoundedTime) {
  Builder b;
  b.integer("int", 4);
  // A function that takes three pointers to itself: unfolded, 3^n of them.
  const TypeId proto = 2, pointer = 3;
  b.add(BtfKind::FuncProto, "", 1, 3, false, {0, pointer, 0, pointer, 0, pointer});
  b.pointer(proto);
  b.pointer(4);  // itself
  const auto btf = Btf::parse(b.bytes());
  ASSERT_TRUE(btf) << btf.error().text();
  EXPECT_LT(btf->spell(proto).size(), 1000u);
  EXPECT_LT(btf->spell(4).size(), 200u);
}

TEST(Btf, DeclarationTagsAndEnums) {
  Builder b;
  const auto integer = b.integer("int", 4, true);
  const auto proto = b.add(BtfKind::FuncProto, "", 0, 1, false, {b.name("x"), integer});
  const auto function = b.add(BtfKind::Func, "f", proto);
  b.add(BtfKind::DeclTag, "kfunc", function, 0, false, {0xffffffff});
  b.add(BtfKind::DeclTag, "nonnull", function, 0, false, {0});
  const auto plain = b.add(BtfKind::Enum, "plain", 4, 1, false, {b.name("BIG"), 0xffffffff});
  const auto negative = b.add(BtfKind::Enum, "negative", 4, 1, true, {b.name("MINUS"), 0xffffffff});
  const auto wide = b.add(BtfKind::Enum64, "wide", 8, 1, false, {b.name("WIDE"), 5, 1});
  const auto btf = Btf::parse(b.bytes());
  ASSERT_TRUE(btf) << btf.error().text();
  EXPECT_TRUE(btf->has_decl_tag(function, "kfunc"));
  EXPECT_FALSE(btf->has_decl_tag(function, "nonnull"));
  EXPECT_TRUE(btf->has_decl_tag(function, "nonnull", 0));
  EXPECT_EQ(btf->enumerators(plain)[0].value, 0xffffffff);
  EXPECT_EQ(btf->enumerators(negative)[0].value, -1);
  EXPECT_EQ(btf->enumerators(wide)[0].value, 0x100000005);
}

// Each adds something that can't be; the message says what.
TEST(Btf, RefusesWhatCantBe) {
  struct Case {
    const char* says;
    void (*add)(Builder&);
  };
  const Case cases[] = {
      {"there are only", [](Builder& b) { b.pointer(77); }},
      {"endless chain", [](Builder& b) { b.add(BtfKind::Typedef, "t", 2); }},
      {"endless chain",
       [](Builder& b) {
         b.add(BtfKind::Const, "", 3);
         b.add(BtfKind::Volatile, "", 2);
       }},
      {"contains itself",
       [](Builder& b) {
         b.record(BtfKind::Struct, "s", 8, {{"self", 2, 0}});
       }},
      {"contains itself",
       [](Builder& b) {
         b.record(BtfKind::Struct, "s", 8, {{"self", 3, 0}});
         b.array(2, 1);
       }},
      {"contains itself, or nests deeper",
       [](Builder& b) {
         for (TypeId id = 2; id < 80; id++) b.array(id + 1, 1);
         b.array(1, 1);
       }},
      {"exceeds 4 GiB", [](Builder& b) { b.array(1, 0x80000000); }},
      {"exceeds 4 GiB",
       [](Builder& b) {
         b.array(1, 0x10000);
         b.array(2, 0x10000);
       }},
      {"beyond the 4 bytes",
       [](Builder& b) {
         b.record(BtfKind::Struct, "s", 4, {{"a", 1, 8}});
       }},
      {"beyond the 4 bytes",
       [](Builder& b) {
         b.record(BtfKind::Struct, "s", 4, {{"a", 1, 32}});
       }},
      {"of a type of 4 bytes",
       [](Builder& b) {
         b.record(BtfKind::Struct, "s", 64, {{"a", 1, 40u << 24}}, true);
       }},
      {"at bit 3",
       [](Builder& b) {
         b.record(BtfKind::Struct, "s", 8, {{"a", 1, 3}});
       }},
      {"can't be a member",
       [](Builder& b) {
         b.record(BtfKind::Struct, "s", 8, {{"a", 0, 0}});
       }},
      {"can't be the element",
       [](Builder& b) {
         b.add(BtfKind::FuncProto, "", 0);
         b.array(2, 1);
       }},
      {"can't be the prototype", [](Builder& b) { b.add(BtfKind::Func, "f", 1); }},
      {"linkage 9", [](Builder& b) { b.add(BtfKind::Func, "f", 1, 9); }},
      {"an integer of 3 bytes", [](Builder& b) { b.integer("odd", 3); }},
      {"bit fields must be members", [](Builder& b) { b.add(BtfKind::Int, "old", 4, 0, false, {3}); }},
      {"an enum of 3 bytes", [](Builder& b) { b.add(BtfKind::Enum, "e", 3); }},
      {"cut off", [](Builder& b) { b.add(BtfKind::Struct, "s", 4, 65535); }},
      {"cut off", [](Builder& b) { b.add(BtfKind::Array, "", 0); }},
      {"is unknown", [](Builder& b) { b.add(BtfKind(25), "", 0); }},
      {"is unknown", [](Builder& b) { b.add(BtfKind::Void, "", 0); }},
      {"can't be a variable of a section",
       [](Builder& b) {
         b.add(BtfKind::Datasec, ".data", 4, 1, false, {1, 0, 4});
       }},
      {"outside the section's 4 bytes",
       [](Builder& b) {
         b.add(BtfKind::Var, "v", 1, 0, false, {1});
         b.add(BtfKind::Datasec, ".data", 4, 1, false, {2, 0xffffffff, 4});
       }},
  };
  for (const auto& [says, add] : cases) {
    Builder b;
    b.integer("int", 4);
    add(b);
    const auto btf = Btf::parse(b.bytes());
    ASSERT_FALSE(btf) << says;
    EXPECT_EQ(btf.error().code, EINVAL);
    EXPECT_NE(btf.error().message.find(says), std::string::npos) << btf.error().text() << ", not: " << says;
  }
}

TEST(Btf, RefusesDamagedHeaders) {
  Builder b;
  b.integer("int", 4);
  ASSERT_TRUE(Btf::parse(b.bytes()));
  const auto damage = [&](void (*change)(abi::BtfHeader&)) {
    auto header = b.header();
    change(header);
    const auto btf = Btf::parse(b.bytes(header));
    EXPECT_FALSE(btf);
    return btf ? "" : btf.error().message;
  };
  EXPECT_NE(damage([](abi::BtfHeader& h) { h.magic = 0x1234; }).find("magic"), std::string::npos);
  EXPECT_NE(damage([](abi::BtfHeader& h) { h.magic = 0x9feb; }).find("big-endian"), std::string::npos);
  EXPECT_NE(damage([](abi::BtfHeader& h) { h.version = 2; }).find("version 2"), std::string::npos);
  EXPECT_NE(damage([](abi::BtfHeader& h) { h.hdr_len = 0xffffffff; }).find("header"), std::string::npos);
  EXPECT_NE(damage([](abi::BtfHeader& h) { h.type_len = 0xfffffffc; }).find("types"), std::string::npos);
  EXPECT_NE(damage([](abi::BtfHeader& h) { h.type_off = 2; }).find("types"), std::string::npos);
  EXPECT_NE(damage([](abi::BtfHeader& h) { h.str_off = 0xfffffff0; }).find("strings"), std::string::npos);
  EXPECT_NE(damage([](abi::BtfHeader& h) { h.str_len = 0; }).find("strings"), std::string::npos);
  EXPECT_NE(damage([](abi::BtfHeader& h) { h.str_len--; }).find("NUL"), std::string::npos);
  const auto all = b.bytes();
  for (size_t size = 0; size < all.size(); size++)
    EXPECT_FALSE(Btf::parse(std::span(all).first(size))) << size;
}

// Names go into messages and JSON: whatever the file holds, they come out as printable UTF-8.
TEST(Btf, StringsComeOutPrintable) {
  const std::pair<std::string, std::string> expected[] = {
      {"plain", "plain"},
      {"tab\there", "tab\there"},
      {"esc\x1b[31m", "esc?[31m"},
      {"caf\xc3\xa9", "caf\xc3\xa9"},
      {"cut\xc3", "cut?"},
      {"over\xc0\xaf", "over??"},
      {"surrogate\xed\xa0\x80", "surrogate???"},
      {"\xf0\x9f\x90\x9d", "\xf0\x9f\x90\x9d"},
      {"beyond\xf4\x90\x80\x80", "beyond????"},
      {"\x7f\xff", "??"},
  };
  for (const auto& [text, printable] : expected) {
    std::string made = text;
    make_printable(made);
    EXPECT_EQ(made, printable);
  }
}

TEST(Btf, PathsThroughUnionsOfAnonymousMembersEnd) {
  Builder b;
  const auto integer = b.integer("int", 4);
  // Each level holds the one below twice, without a name: 2^60 paths.
  TypeId level = b.record(BtfKind::Union, "", 4, {{"leaf", integer, 0}});
  for (int i = 0; i < 60; i++) level = b.record(BtfKind::Union, "", 4, {{"", level, 0}, {"", level, 0}});
  const auto btf = Btf::parse(b.bytes());
  ASSERT_TRUE(btf) << btf.error().text();
  EXPECT_EQ(btf->path_at(level, 1), "leaf");
  EXPECT_TRUE(btf->field(level, "leaf"));
  EXPECT_EQ(btf->field(level, "absent").error().code, ENOENT);
}

}  // namespace
}  // namespace ring3::bpf
