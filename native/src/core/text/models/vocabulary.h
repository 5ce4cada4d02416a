#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace godot_executorch::text {

/// Ids are smaller: a file must not make a table as large as it likes.
constexpr int64_t kMostIds = int64_t{1} << 22;
constexpr int32_t kNoId = -1;

/// The tokens of a model: ids by text, and texts by id.
class Vocabulary {
  public:
    /// A hash that grows by one byte at a time, for all prefixes of a text.
    class Hash {
      public:
        Hash& add(std::string_view bytes) {
            for (const char byte : bytes) {
                value_ = (value_ ^ static_cast<unsigned char>(byte)) * 0x100000001B3ULL;
            }
            return *this;
        }
        uint64_t value() const { return value_; }

      private:
        uint64_t value_ = 0xCBF29CE484222325ULL;
    };

    /// A text that is added again gets the later id, as in the tokenizers library.
    Status add(std::string_view token, int64_t id);
    /// kNoId when there is none.
    int32_t find(std::string_view token) const { return find_parts({}, token, Hash().add(token)); }
    /// The token that is `prefix` and `rest`, whose hash is given.
    int32_t find_parts(std::string_view prefix, std::string_view rest, const Hash& hash) const;
    /// Null when there is no such id.
    const std::string* token(int64_t id) const;

    size_t size() const { return count_; }
    size_t longest() const { return longest_; }
    /// One more than the largest id.
    int64_t end_id() const { return static_cast<int64_t>(texts_.size()); }

  private:
    void grow();
    size_t place_of(std::string_view prefix, std::string_view rest, const Hash& hash) const;

    std::vector<std::string> texts_;  // by id
    std::vector<bool> known_;         // by id
    std::vector<int32_t> places_;     // ids by hash, open addressing; a power of two
    size_t count_ = 0;
    size_t longest_ = 0;
};

}  // namespace godot_executorch::text
