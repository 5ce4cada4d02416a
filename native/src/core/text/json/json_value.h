#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/status.h"

/// JSON of files that nobody has checked: bounded in size, depth and number of values.
namespace godot_executorch::json {

constexpr size_t kMostBytes = size_t{128} << 20;
constexpr size_t kMostValues = size_t{8} << 20;
constexpr int kMostDepth = 32;

enum class Type { Null, Bool, Number, String, Array, Object };

class Value {
  public:
    using Member = std::pair<std::string, Value>;

    Type type = Type::Null;
    bool boolean = false;
    double number = 0;
    std::string string;
    std::vector<Value> array;
    std::vector<Member> object;  // in the file's order

    bool is_null() const { return type == Type::Null; }
    /// The member's value, or null.
    const Value& operator[](std::string_view name) const;
};

const char* name_of(Type type);

/// Reads the whole text; a failure says in which line.
Status parse(std::string_view text, Value& value);

}  // namespace godot_executorch::json
