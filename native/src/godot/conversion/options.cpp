#include "godot/conversion/options.h"

#include <algorithm>
#include <string>

namespace godot_executorch::godot {

Options::Options(const Variant& given) {
    if (given.type() == Dictionary::kType) {
        values_ = given.as<Dictionary>();
    }
}

bool Options::boolean(const char* name, bool otherwise) const {
    const Variant value = values_.get(name);
    return value.type() == GDEXTENSION_VARIANT_TYPE_BOOL ? value.as_bool() : otherwise;
}

int64_t Options::integer(const char* name, int64_t otherwise) {
    const Variant value = values_.get(name);
    if (value.type() != GDEXTENSION_VARIANT_TYPE_INT) {
        return otherwise;
    }
    if (value.as_int() < 0 || value.as_int() > kLargest) {
        status_ = Status(Code::InvalidOption, std::string(name) + ": expected 0 to " + std::to_string(kLargest) +
                                                  ", got " + std::to_string(value.as_int()));
        return otherwise;
    }
    return value.as_int();
}

size_t Options::size(const char* name, size_t otherwise) {
    return static_cast<size_t>(integer(name, static_cast<int64_t>(otherwise)));
}

double Options::number(const char* name, double otherwise) const {
    const Variant value = values_.get(name);
    if (value.type() == GDEXTENSION_VARIANT_TYPE_INT) {
        return static_cast<double>(value.as_int());
    }
    return value.type() == GDEXTENSION_VARIANT_TYPE_FLOAT ? value.as_float() : otherwise;
}

int64_t Options::choice(const char* name, std::initializer_list<const char*> known, int64_t otherwise) {
    const Variant value = values_.get(name);
    if (value.type() != String::kType) {
        return otherwise;
    }
    const std::string chosen = value.as<String>().utf8();
    const auto* const found = std::find(known.begin(), known.end(), chosen);
    if (found == known.end()) {
        status_ = Status(Code::InvalidOption, std::string(name) + ": got " + chosen);
        return otherwise;
    }
    return found - known.begin();
}

}  // namespace godot_executorch::godot
