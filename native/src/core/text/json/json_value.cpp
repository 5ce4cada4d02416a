#include "core/text/json/json_value.h"

#include <algorithm>
#include <charconv>

#include "core/text/unicode/characters.h"

namespace godot_executorch::json {
namespace {

class Reader {
  public:
    explicit Reader(std::string_view text) : text_(text) {}

    Status read_all(Value& value) {
        if (text_.size() > kMostBytes) {
            return Status(Code::TokenizerInvalid, "the file has " + std::to_string(text_.size()) +
                                                      " bytes, more than " + std::to_string(kMostBytes));
        }
        const size_t bad = unicode::find_bad_utf8(text_);
        if (bad != std::string_view::npos) {
            at_ = bad;
            return expected("UTF-8");
        }
        Status status = read_value(value, 0);
        skip_spaces();
        return status.ok() && at_ < text_.size() ? expected("the end of the file") : std::move(status);
    }

  private:
    Status expected(const std::string& what) const {
        const auto line = 1 + std::count(text_.begin(), text_.begin() + static_cast<ptrdiff_t>(at_), '\n');
        return Status(Code::TokenizerInvalid, "line " + std::to_string(line) + ": expected " + what);
    }

    void skip_spaces() {
        while (at_ < text_.size() &&
               (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) {
            ++at_;
        }
    }

    bool take(char wanted) {
        skip_spaces();
        if (at_ >= text_.size() || text_[at_] != wanted) {
            return false;
        }
        ++at_;
        return true;
    }

    bool take_word(std::string_view word) {
        if (text_.substr(at_, word.size()) != word) {
            return false;
        }
        at_ += word.size();
        return true;
    }

    Status read_value(Value& value, int depth) {
        if (depth > kMostDepth) {
            return expected("fewer than " + std::to_string(kMostDepth) + " nested levels");
        }
        if (++values_ > kMostValues) {
            return expected("fewer than " + std::to_string(kMostValues) + " values");
        }
        skip_spaces();
        const char first = at_ < text_.size() ? text_[at_] : '\0';
        if (first == '{') {
            return read_object(value, depth);
        }
        if (first == '[') {
            return read_array(value, depth);
        }
        if (first == '"') {
            value.type = Type::String;
            return read_string(value.string);
        }
        if (take_word("true") || take_word("false")) {
            value.type = Type::Bool;
            value.boolean = first == 't';
            return {};
        }
        return take_word("null") ? Status() : read_number(value);
    }

    Status read_object(Value& value, int depth) {
        value.type = Type::Object;
        ++at_;
        if (take('}')) {
            return {};
        }
        do {
            skip_spaces();
            Value::Member& member = value.object.emplace_back();
            Status status = read_string(member.first);
            if (status.ok() && !take(':')) {
                status = expected("a colon");
            }
            status = status.ok() ? read_value(member.second, depth + 1) : std::move(status);
            if (!status.ok()) {
                return status;
            }
        } while (take(','));
        return take('}') ? Status() : expected("a comma or }");
    }

    Status read_array(Value& value, int depth) {
        value.type = Type::Array;
        ++at_;
        if (take(']')) {
            return {};
        }
        do {
            Status status = read_value(value.array.emplace_back(), depth + 1);
            if (!status.ok()) {
                return status;
            }
        } while (take(','));
        return take(']') ? Status() : expected("a comma or ]");
    }

    Status read_number(Value& value) {
        const char* const begin = text_.data() + at_;
        const char* const end = text_.data() + text_.size();
        const auto [stop, error] = std::from_chars(begin, end, value.number);
        const bool is_digit = begin < end && (*begin == '-' || (*begin >= '0' && *begin <= '9'));
        if (error != std::errc() || !is_digit) {
            return expected("a value");
        }
        value.type = Type::Number;
        at_ += static_cast<size_t>(stop - begin);
        return {};
    }

    Status read_string(std::string& string) {
        if (at_ >= text_.size() || text_[at_] != '"') {
            return expected("a string");
        }
        ++at_;
        while (at_ < text_.size() && text_[at_] != '"') {
            const auto character = static_cast<unsigned char>(text_[at_]);
            if (character < 0x20) {
                return expected("no control character in a string");
            }
            ++at_;
            if (character != '\\') {
                string += static_cast<char>(character);
            } else if (!read_escape(string)) {
                return expected("an escape sequence of JSON");
            }
        }
        if (at_ >= text_.size()) {
            return expected("the end of a string");
        }
        ++at_;
        return {};
    }

    bool read_escape(std::string& string) {
        constexpr std::string_view kNames = "\"\\/bfnrt";
        constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
        const char name = at_ < text_.size() ? text_[at_++] : '\0';
        if (name != 'u') {
            const size_t index = kNames.find(name);
            if (name == '\0' || index == std::string_view::npos) {
                return false;
            }
            string += kValues[index];
            return true;
        }
        char32_t character = 0;
        char32_t second = 0;
        if (!read_four_digits(character) || (character >= 0xDC00 && character < 0xE000)) {
            return false;
        }
        if (character >= 0xD800 && character < 0xDC00) {
            if (!take_word("\\u") || !read_four_digits(second) || second < 0xDC00 || second >= 0xE000) {
                return false;
            }
            character = 0x10000 + ((character - 0xD800) << 10) + (second - 0xDC00);
        }
        unicode::append_utf8(character, string);
        return true;
    }

    bool read_four_digits(char32_t& character) {
        if (at_ + 4 > text_.size()) {
            return false;
        }
        uint32_t number = 0;
        const char* const begin = text_.data() + at_;
        const auto [stop, error] = std::from_chars(begin, begin + 4, number, 16);
        at_ += 4;
        character = number;
        return error == std::errc() && stop == begin + 4;
    }

    std::string_view text_;
    size_t at_ = 0;
    size_t values_ = 0;
};

}  // namespace

const Value& Value::operator[](std::string_view name) const {
    static const Value missing;
    const auto found = std::find_if(object.begin(), object.end(), [&](const Member& m) { return m.first == name; });
    return found != object.end() ? found->second : missing;
}

const char* name_of(Type type) {
    constexpr const char* kNames[] = {"null", "bool", "number", "string", "array", "object"};
    return kNames[static_cast<int>(type)];
}

Status parse(std::string_view text, Value& value) {
    return Reader(text).read_all(value);
}

}  // namespace godot_executorch::json
