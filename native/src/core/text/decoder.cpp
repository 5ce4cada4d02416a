#include "core/text/decoder.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <unordered_map>

#include "core/text/json/fields.h"
#include "core/text/json/sequence.h"
#include "core/text/steps/pattern.h"
#include "core/text/steps/pre_tokenizer.h"
#include "core/text/unicode/characters.h"

namespace godot_executorch::text {
namespace {

using Making = std::unique_ptr<Decoder>;

constexpr char kReplacement[] = "\xEF\xBF\xBD";

bool begins_with(std::string_view text, std::string_view beginning) {
    return text.substr(0, beginning.size()) == beginning;
}

void replace_all(std::string& text, std::string_view wanted, std::string_view content) {
    for (size_t at = 0; !wanted.empty() && (at = text.find(wanted, at)) != std::string::npos; at += content.size()) {
        text.replace(at, wanted.size(), content);
    }
}

/// UTF-8 in which each longest beginning of a character that does not go on became one U+FFFD.
std::string mended(std::string_view bytes) {
    std::string text;
    for (size_t at = 0; at < bytes.size();) {
        const size_t length = unicode::utf8_length(static_cast<unsigned char>(bytes[at]));
        size_t whole = length > 0 ? 1 : 0;
        while (whole > 0 && whole < length && at + whole < bytes.size()) {
            const auto byte = static_cast<unsigned char>(bytes[at + whole]);
            const auto first = static_cast<unsigned char>(bytes[at]);
            // The second byte of a character has a smaller range after some first bytes.
            const unsigned least = whole > 1 ? 0x80 : first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
            const unsigned most = whole > 1 ? 0xBF : first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
            if (byte < least || byte > most) {
                break;
            }
            ++whole;
        }
        if (length > 0 && whole == length) {
            text += bytes.substr(at, length);
        } else {
            text += kReplacement;
        }
        at += std::max<size_t>(whole, 1);
    }
    return text;
}

class ByteLevel : public Decoder {
  public:
    ByteLevel() {
        for (size_t byte = 0; byte < 256; ++byte) {
            bytes_[byte_characters()[byte]] = static_cast<char>(byte);
        }
    }

    void apply(std::vector<std::string>& tokens) const override {
        std::string all;
        for (const std::string& token : tokens) {
            const size_t before = all.size();
            for (const char32_t character : unicode::from_utf8(token)) {
                const auto found = bytes_.find(character);
                if (found == bytes_.end()) {  // an added token, which is text already
                    all.resize(before);
                    all += token;
                    break;
                }
                all += found->second;
            }
        }
        tokens.assign(1, mended(all));
    }

  private:
    std::unordered_map<char32_t, char> bytes_;
};

class WordPiece : public Decoder {
  public:
    WordPiece(std::string prefix, bool cleans) : prefix_(std::move(prefix)), cleans_(cleans) {}

    void apply(std::vector<std::string>& tokens) const override {
        constexpr const char* kCleaned[][2] = {{" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
                                               {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
                                               {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
        for (size_t i = 0; i < tokens.size(); ++i) {
            if (i > 0 && begins_with(tokens[i], prefix_)) {
                tokens[i].erase(0, prefix_.size());
            } else if (i > 0) {
                tokens[i].insert(0, " ");
            }
            for (const auto& [wanted, content] : kCleaned) {
                if (cleans_) {
                    replace_all(tokens[i], wanted, content);
                }
            }
        }
    }

  private:
    std::string prefix_;
    bool cleans_;
};

class Metaspace : public Decoder {
  public:
    Metaspace(std::string replacement, bool was_prepended)
        : replacement_(std::move(replacement)), was_prepended_(was_prepended) {}

    void apply(std::vector<std::string>& tokens) const override {
        for (size_t i = 0; i < tokens.size(); ++i) {
            replace_all(tokens[i], replacement_, i == 0 && was_prepended_ ? "" : " ");
        }
    }

  private:
    std::string replacement_;
    bool was_prepended_;
};

class BpeSuffix : public Decoder {
  public:
    explicit BpeSuffix(std::string suffix) : suffix_(std::move(suffix)) {}

    void apply(std::vector<std::string>& tokens) const override {
        for (size_t i = 0; i < tokens.size(); ++i) {
            replace_all(tokens[i], suffix_, i + 1 == tokens.size() ? "" : " ");
        }
    }

  private:
    std::string suffix_;
};

class ByteFallback : public Decoder {
  public:
    void apply(std::vector<std::string>& tokens) const override {
        std::vector<std::string> out;
        std::string bytes;
        const auto flush = [&] {
            if (unicode::find_bad_utf8(bytes) == std::string_view::npos) {
                out.insert(out.end(), bytes.empty() ? 0 : 1, bytes);
            } else {
                out.insert(out.end(), bytes.size(), kReplacement);
            }
            bytes.clear();
        };
        for (std::string& token : tokens) {
            unsigned byte = 0;
            const bool has_form = token.size() == 6 && begins_with(token, "<0x") && token[5] == '>';
            const auto [stop, error] = std::from_chars(token.data() + std::min<size_t>(3, token.size()),
                                                       token.data() + std::min<size_t>(5, token.size()), byte, 16);
            if (has_form && error == std::errc() && stop == token.data() + 5) {
                bytes += static_cast<char>(byte);
                continue;
            }
            flush();
            out.push_back(std::move(token));
        }
        flush();
        tokens = std::move(out);
    }
};

class Fuse : public Decoder {
  public:
    void apply(std::vector<std::string>& tokens) const override {
        std::string all;
        for (const std::string& token : tokens) {
            all += token;
        }
        tokens.assign(1, std::move(all));
    }
};

class Strip : public Decoder {
  public:
    Strip(std::string content, int64_t start, int64_t stop)
        : content_(std::move(content)), start_(start), stop_(stop) {}

    void apply(std::vector<std::string>& tokens) const override {
        for (std::string& token : tokens) {
            for (int64_t i = 0; i < start_ && !content_.empty() && begins_with(token, content_); ++i) {
                token.erase(0, content_.size());
            }
            for (int64_t i = 0; i < stop_ && !content_.empty() && token.size() >= content_.size() &&
                                token.compare(token.size() - content_.size(), content_.size(), content_) == 0;
                 ++i) {
                token.resize(token.size() - content_.size());
            }
        }
    }

  private:
    std::string content_;
    int64_t start_;
    int64_t stop_;
};

class Replace : public Decoder {
  public:
    Replace(Pattern pattern, std::u32string content) : pattern_(std::move(pattern)), content_(std::move(content)) {}

    void apply(std::vector<std::string>& tokens) const override {
        for (std::string& token : tokens) {
            const std::u32string text = unicode::from_utf8(token);
            std::u32string out;
            size_t from = 0;
            for (const Span match : pattern_.find_all(text)) {
                out += text.substr(from, match.begin - from) + content_;
                from = match.end;
            }
            if (from > 0) {
                token = unicode::to_utf8(out + text.substr(from));
            }
        }
    }

  private:
    Pattern pattern_;
    std::u32string content_;
};

class Sequence : public Decoder {
  public:
    explicit Sequence(std::vector<Making> parts) : parts_(std::move(parts)) {}

    void apply(std::vector<std::string>& tokens) const override {
        for (const Making& part : parts_) {
            part->apply(tokens);
        }
    }

  private:
    std::vector<Making> parts_;
};

constexpr size_t kMostDecoders = 16;
constexpr size_t kLongestContent = 64;

Status make_sequence(json::Fields& fields, Making& made) {
    if (fields.of("decoders", json::Type::Array, true).array.size() > kMostDecoders) {
        fields.fail("more than " + std::to_string(kMostDecoders) + " decoders");
        return {};
    }
    return json::make_sequence<Sequence>(fields, "decoders", make_decoder, made);
}

Status make_replace(json::Fields& fields, Making& made) {
    Pattern pattern;
    Status status = Pattern::read(fields.of("pattern", json::Type::Object, true), fields.place(), pattern);
    const std::u32string content = fields.text("content");
    if (content.size() > kLongestContent) {
        fields.fail("content: more than " + std::to_string(kLongestContent) + " characters");
    }
    made = std::make_unique<Replace>(std::move(pattern), content);
    return status;
}

}  // namespace

Status make_decoder(const json::Value& value, std::unique_ptr<Decoder>& made) {
    if (value.is_null()) {
        return {};
    }
    json::Fields fields(value, "decoder");
    const std::string type = fields.required_string("type");
    Status status;
    if (type == "Sequence") {
        status = make_sequence(fields, made);
    } else if (type == "ByteLevel") {
        made = std::make_unique<ByteLevel>();
    } else if (type == "WordPiece") {
        made = std::make_unique<WordPiece>(fields.string("prefix", "##"), fields.boolean("cleanup", true));
    } else if (type == "Metaspace") {
        const bool adds = fields.boolean("add_prefix_space", true);
        const std::string scheme = fields.string("prepend_scheme", adds ? "always" : "never");
        made = std::make_unique<Metaspace>(fields.string("replacement", "\xE2\x96\x81"), scheme != "never");
    } else if (type == "BPEDecoder") {
        made = std::make_unique<BpeSuffix>(fields.string("suffix", "</w>"));
    } else if (type == "ByteFallback") {
        made = std::make_unique<ByteFallback>();
    } else if (type == "Fuse") {
        made = std::make_unique<Fuse>();
    } else if (type == "Strip") {
        made = std::make_unique<Strip>(fields.string("content"), fields.integer("start", 0), fields.integer("stop", 0));
    } else if (type == "Replace") {
        status = make_replace(fields, made);
    } else {
        fields.unsupported("the decoder " + type);
    }
    return status.ok() ? fields.take_status() : std::move(status);
}

}  // namespace godot_executorch::text
