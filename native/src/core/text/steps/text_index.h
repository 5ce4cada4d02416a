#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace godot_executorch::text {

/// Texts that are looked for in others, each with a value.
class TextIndex {
  public:
    static constexpr size_t kLongest = 512;  // characters of one text

    void add(const std::u32string& text, size_t value);
    bool empty() const { return by_content_.empty(); }
    /// The value of the longest text that begins at `at`, and its length; null when there is none.
    const size_t* longest_at(std::u32string_view text, size_t at, size_t& length) const;

  private:
    std::unordered_map<std::u32string, size_t> by_content_;
    std::unordered_map<char32_t, std::vector<size_t>> lengths_;  // by first character, longest first
};

}  // namespace godot_executorch::text
