// BTF's binary form (Documentation/bpf/btf.rst): .BTF and .BTF.ext. Data only.
#pragma once

#include <cstdint>

namespace ring3::abi {

inline constexpr uint16_t BTF_MAGIC = 0xeb9f;

struct BtfHeader {
  uint16_t magic;
  uint8_t version, flags;
  uint32_t hdr_len;
  uint32_t type_off, type_len, str_off, str_len;  // offsets from the end of the header
};
static_assert(sizeof(BtfHeader) == 24);

struct BtfExtHeader {
  uint16_t magic;
  uint8_t version, flags;
  uint32_t hdr_len;
  uint32_t func_info_off, func_info_len, line_info_off, line_info_len;
  uint32_t core_relo_off, core_relo_len;  // only if hdr_len covers them
};
static_assert(sizeof(BtfExtHeader) == 32);

struct BtfType {
  uint32_t name_off;
  uint32_t info;          // vlen: bits 0-15, kind: 24-28, kind_flag: 31
  uint32_t size_or_type;  // size in bytes, or the id of the type referred to
};

enum class BtfKind : uint8_t {
  Void,
  Int,
  Ptr,
  Array,
  Struct,
  Union,
  Enum,
  Fwd,
  Typedef,
  Volatile,
  Const,
  Restrict,
  Func,
  FuncProto,
  Var,
  Datasec,
  Float,
  DeclTag,
  TypeTag,
  Enum64
};

struct BtfArray {
  uint32_t type, index_type, nelems;
};
struct BtfMember {
  uint32_t name_off, type, offset;
};
struct BtfEnum {
  uint32_t name_off;
  int32_t value;
};
struct BtfEnum64 {
  uint32_t name_off, value_lo, value_hi;
};
struct BtfParam {
  uint32_t name_off, type;
};
struct BtfVarSecinfo {
  uint32_t type, offset, size;
};

enum BtfLinkage : uint32_t { BTF_STATIC, BTF_GLOBAL, BTF_EXTERN };

struct BpfFuncInfo {
  uint32_t insn_off, type_id;
};
struct BpfLineInfo {
  uint32_t insn_off, file_name_off, line_off, line_col;
};  // line << 10 | column
struct BpfCoreRelo {
  uint32_t insn_off, type_id, access_str_off, kind;
};

enum BpfCoreReloKind : uint32_t {
  FieldByteOffset,
  FieldByteSize,
  FieldExists,
  FieldSigned,
  FieldLShiftU64,
  FieldRShiftU64,
  TypeIdLocal,
  TypeIdTarget,
  TypeExists,
  TypeSize,
  EnumvalExists,
  EnumvalValue,
  TypeMatches
};

}  // namespace ring3::abi
