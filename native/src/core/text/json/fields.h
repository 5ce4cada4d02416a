#pragma once

#include <limits>
#include <string>

#include "core/text/json/json_value.h"

namespace godot_executorch::json {

/// Reads the fields of one object by name and type. Keeps the first thing that is wrong.
class Fields {
  public:
    /// `place` names the object in failures: "model".
    Fields(const Value& value, std::string place);

    const Value& of(const char* name, Type type, bool required = false);
    bool boolean(const char* name, bool otherwise);
    std::string string(const char* name, const std::string& otherwise = {});
    std::u32string text(const char* name, const std::u32string& otherwise = {});
    int64_t integer(const char* name, int64_t otherwise, int64_t smallest = 0,
                    int64_t largest = std::numeric_limits<int32_t>::max());
    std::string required_string(const char* name);
    bool has(const char* name) const { return !value_[name].is_null(); }

    void fail(const std::string& cause);
    void unsupported(const std::string& what);
    bool ok() const { return status_.ok(); }
    Status take_status() { return std::move(status_); }
    const std::string& place() const { return place_; }

  private:
    const Value& value_;
    std::string place_;
    Status status_;
};

/// The value as a whole number of at most `largest`, or -1.
int64_t whole_number(const Value& value, int64_t largest);

}  // namespace godot_executorch::json
