#include "core/text/json/fields.h"

#include <cmath>

#include "core/text/unicode/characters.h"

namespace godot_executorch::json {

Fields::Fields(const Value& value, std::string place) : value_(value), place_(std::move(place)) {
    if (value.type != Type::Object) {
        fail(std::string("expected an object, got ") + name_of(value.type));
    }
}

const Value& Fields::of(const char* name, Type type, bool required) {
    const Value& found = value_[name];
    if (found.type != type && (required || !found.is_null())) {
        fail(std::string(name) + ": expected " + name_of(type) + ", got " + name_of(found.type));
    }
    return found;
}

bool Fields::boolean(const char* name, bool otherwise) {
    const Value& found = of(name, Type::Bool);
    return found.type == Type::Bool ? found.boolean : otherwise;
}

std::string Fields::string(const char* name, const std::string& otherwise) {
    const Value& found = of(name, Type::String);
    return found.type == Type::String ? found.string : otherwise;
}

std::u32string Fields::text(const char* name, const std::u32string& otherwise) {
    const Value& found = of(name, Type::String);
    return found.type == Type::String ? unicode::from_utf8(found.string) : otherwise;
}

int64_t Fields::integer(const char* name, int64_t otherwise, int64_t smallest, int64_t largest) {
    const Value& found = of(name, Type::Number);
    if (found.type != Type::Number) {
        return otherwise;
    }
    const int64_t number = whole_number(found, largest);
    if (number < smallest) {
        fail(std::string(name) + ": expected a whole number from " + std::to_string(smallest) + " to " +
             std::to_string(largest));
        return otherwise;
    }
    return number;
}

std::string Fields::required_string(const char* name) {
    return of(name, Type::String, true).string;
}

void Fields::fail(const std::string& cause) {
    if (status_.ok()) {
        status_ = Status(Code::TokenizerInvalid, place_ + ": " + cause);
    }
}

void Fields::unsupported(const std::string& what) {
    if (status_.ok()) {
        status_ = Status(Code::TokenizerUnsupported, place_ + ": " + what);
    }
}

int64_t whole_number(const Value& value, int64_t largest) {
    const double number = value.number;
    const bool is_whole = value.type == Type::Number && number >= 0 && number <= static_cast<double>(largest) &&
                          number == std::floor(number);
    return is_whole ? static_cast<int64_t>(number) : -1;
}

}  // namespace godot_executorch::json
