#pragma once

#include <cstdint>

/// Tables that native/unicode/make_tables.py writes when the project is built.
namespace godot_executorch::unicode {

extern const char* const kVersion;
extern const uint16_t kPageOf[];  // by character / 256
extern const uint8_t kPages[];    // 256 numbers of records each
extern const uint8_t kRecordCategory[];
extern const uint8_t kRecordCombining[];

extern const uint64_t kPairs[];  // first << 32 | second, sorted
extern const uint32_t kComposed[];
extern const uint32_t kPairCount;

extern const uint32_t kCanonicalKeys[];
extern const uint32_t kCanonicalStarts[];
extern const uint32_t kCanonicalPool[];
extern const uint32_t kCanonicalCount;

extern const uint32_t kCompatibleKeys[];
extern const uint32_t kCompatibleStarts[];
extern const uint32_t kCompatiblePool[];
extern const uint32_t kCompatibleCount;

extern const uint32_t kLowerKeys[];
extern const uint32_t kLowerStarts[];
extern const uint32_t kLowerPool[];
extern const uint32_t kLowerCount;

}  // namespace godot_executorch::unicode
