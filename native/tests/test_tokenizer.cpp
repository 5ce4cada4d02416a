#include <doctest/doctest.h>

#include <string>

#include "core/text/tokenizer.h"

using namespace godot_executorch;
using namespace godot_executorch::text;

namespace {

constexpr const char* kVocabulary = R"({"[UNK]": 0, "un": 1, "##aff": 2, "##able": 3, "hello": 4, "[CLS]": 5})";

std::string wordpiece(const std::string& more = "", const std::string& vocabulary = kVocabulary) {
    return R"({"model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "vocab": )" +
           vocabulary + "}, \"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"}" + more + "}";
}

/// The code that loading ends with; 0 is success.
int code_of(const std::string& json) {
    std::shared_ptr<const Tokenizer> tokenizer;
    const Status status = Tokenizer::load(json, tokenizer);
    CHECK(status.ok() == (tokenizer != nullptr));
    return status.code();
}

std::vector<int32_t> ids_of(const std::string& json, const std::string& text) {
    std::shared_ptr<const Tokenizer> tokenizer;
    REQUIRE(Tokenizer::load(json, tokenizer).ok());
    std::vector<Encoding> encodings;
    REQUIRE(tokenizer->encode({{text, std::nullopt}}, tokenizer->defaults(), encodings).ok());
    return encodings[0].ids;
}

std::string base64(const std::string& bytes) {
    constexpr const char* kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (size_t at = 0; at < bytes.size(); at += 3) {
        uint32_t group = 0;
        for (size_t i = 0; i < 3; ++i) {
            group = group << 8 | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0U);
        }
        for (size_t i = 0; i < 4; ++i) {
            text += at + i > bytes.size() ? '=' : kDigits[group >> (18 - 6 * i) & 63];
        }
    }
    return text;
}

constexpr int kInvalid = static_cast<int>(Code::TokenizerInvalid);
constexpr int kUnsupported = static_cast<int>(Code::TokenizerUnsupported);

}  // namespace

TEST_CASE("a tokenizer divides words, and unknown ones are one token") {
    CHECK(ids_of(wordpiece(), "unaffable hello") == std::vector<int32_t>{1, 2, 3, 4});
    CHECK(ids_of(wordpiece(), "unaffableness") == std::vector<int32_t>{0});
    CHECK(ids_of(wordpiece(), "").empty());
    CHECK(ids_of(wordpiece(), "\xFF\xC3 \xED\xA0\x80") == std::vector<int32_t>{0, 0});
}

TEST_CASE("a damaged tokenizer.json is refused with its line") {
    std::shared_ptr<const Tokenizer> tokenizer;
    const Status status = Tokenizer::load("{\n\"model\":\n{\"type\": }", tokenizer);
    CHECK(status.failure().name == "TOKENIZER_INVALID");
    CHECK(status.failure().cause == "tokenizer.json: line 3: expected a value");
    const std::string whole = wordpiece();
    for (size_t size = 0; size < whole.size(); ++size) {
        CHECK(code_of(whole.substr(0, size)) == kInvalid);
    }
    CHECK(code_of(whole + "x") == kInvalid);
    CHECK(code_of("{\"model\": \"\xFF\"}") == kInvalid);
    CHECK(code_of("[1]") == kInvalid);
    CHECK(code_of("{\"model\": \"\\ud800\"}") == kInvalid);
    CHECK(code_of(std::string(100000, '[')) == kInvalid);
}

TEST_CASE("a tokenizer.json that contradicts itself is refused") {
    CHECK(code_of(wordpiece("", R"({"a": 0, "b": 0})")) == kInvalid);
    CHECK(code_of(wordpiece("", R"({"a": 99999999999})")) == kInvalid);
    CHECK(code_of(wordpiece("", R"({"a": -1})")) == kInvalid);
    CHECK(code_of(wordpiece("", R"({"a": 0.5})")) == kInvalid);
    CHECK(code_of(wordpiece("", "[]")) == kInvalid);
    CHECK(code_of(R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}})") == kInvalid);
    CHECK(code_of(R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["a"]]}})") == kInvalid);
    CHECK(code_of(R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [], "unk_token": "b"}})") == kInvalid);
    CHECK(code_of(R"({"model": {"type": "Unigram", "unk_id": 3, "vocab": [["a", 0]]}})") == kInvalid);
    CHECK(code_of(R"({"model": {"type": "Unigram", "unk_id": 0, "vocab": [["a"]]}})") == kInvalid);
    CHECK(code_of(wordpiece(R"(, "added_tokens": [{"content": "x"}])")) == kInvalid);
    CHECK(code_of(wordpiece(R"(, "added_tokens": {})")) == kInvalid);
    CHECK(code_of(wordpiece(R"(, "truncation": {"max_length": "long"})")) == kInvalid);
}

TEST_CASE("what a tokenizer.json asks for and is not there has its own code") {
    CHECK(code_of(wordpiece(R"(, "normalizer": {"type": "Nmt"})")) == kUnsupported);
    CHECK(code_of(wordpiece(R"(, "decoder": {"type": "CTC"})")) == kUnsupported);
    CHECK(code_of(wordpiece(R"(, "post_processor": {"type": "New"})")) == kUnsupported);
    CHECK(code_of(R"({"model": {"type": "WordLevel", "vocab": {}}})") == kUnsupported);
    CHECK(code_of(R"({"model": {"type": "BPE", "dropout": 0.1, "vocab": {}, "merges": []}})") == kUnsupported);
    const char* const patterns[] = {"(?<=a)b", "a**", "\\\\1", "(a+)+", "[[:alpha:]]", "\\\\p{Han}", "(", "a{2000}"};
    for (const char* pattern : patterns) {
        const std::string split = R"(, "normalizer": {"type": "Replace", "content": "", "pattern": {"Regex": ")";
        CHECK_MESSAGE(code_of(wordpiece(split + pattern + "\"}}")) == kUnsupported, pattern);
    }
}

TEST_CASE("a map of characters that is damaged is refused, or finds nothing outside of itself") {
    const auto with_map = [](const std::string& map, const std::string& more = "") {
        return wordpiece(R"(, "normalizer": {"type": "Precompiled", "precompiled_charsmap": ")" + map + "\"" + more +
                         "}");
    };
    for (const char* map :
         {"", "A", "AAAA", "AAA=", "AAAAAA==", "AAA\\u0000", "BAAAAAAA", "BQAAAAAAAAAA", "////fwAAAAA="}) {
        CHECK_MESSAGE(code_of(with_map(map)) == kInvalid, map);
    }
    for (const char* kept : {R"("a")", "[1]", R"(["a", ""])", "{}"}) {
        const std::string more = R"(, "longest_match": true, "kept": )";
        CHECK_MESSAGE(code_of(with_map("BAAAAAAAAAAA", more + kept)) == kInvalid, kept);
    }
    CHECK(code_of(with_map("BAAAAAAAAAAA", R"(, "longest_match": true, "kept": ["a"])")) == 0);
    CHECK(code_of(with_map("BAAAAAAAAAD/")) == kInvalid);  // the replacements are not UTF-8
    CHECK(code_of(wordpiece(R"(, "normalizer": {"type": "Precompiled"})")) == kInvalid);
    // Each unit leads to itself, far outside, or to a replacement that does not exist.
    for (const uint32_t pattern : {0x00000000U, 0xFFFFFFFFU, 0x00000168U, 0x7FFFFFFFU, 0xFFFFFF68U, 0x80000100U}) {
        std::string units;
        for (int i = 0; i < 768; ++i) {
            const uint32_t unit = pattern == 0x00000168U ? 0x00000100U | (i & 0xFFU) : pattern;
            for (int shift = 0; shift < 32; shift += 8) {
                units += static_cast<char>(unit >> shift & 0xFF);
            }
        }
        const std::string map = base64(std::string("\x00\x0C\x00\x00", 4) + units + std::string("a\0b\0", 4));
        for (const char* more :
             {"", R"(, "longest_match": true)", R"(, "longest_match": true, "kept": ["hel", "h"])"}) {
            CHECK(ids_of(with_map(map, more), "hello h\xC3\xA9 \xF0\x9F\x99\x82").size() <= 4);
        }
    }
}

TEST_CASE("sums of scores are float32 when the file says so") {
    const auto ids = [](const std::string& more, const std::string& text) {
        const std::string vocabulary = R"([["<unk>", 0], ["a", -1], ["b", 0], ["ab", -1.000000001], ["c", -1e300]])";
        return ids_of(R"({"model": {"type": "Unigram", "unk_id": 0, "vocab": )" + vocabulary + more + "}}", text);
    };
    const std::string flag = R"(, "float32_scores": true)";
    CHECK(ids("", "ab") == std::vector<int32_t>{1, 2});
    CHECK(ids(flag, "ab") == std::vector<int32_t>{3});
    CHECK(ids(flag, "ccx") == std::vector<int32_t>{4, 4, 0});
}

TEST_CASE("a tokenizer.json cannot make a text as long as it likes") {
    std::string parts = R"({"type": "Prepend", "prepend": "aaaaaaaa"})";
    for (int i = 0; i < 12; ++i) {
        parts += R"(, {"type": "Replace", "pattern": {"String": "a"}, "content": "aaaaaaaa"})";
    }
    std::shared_ptr<const Tokenizer> tokenizer;
    REQUIRE(
        Tokenizer::load(wordpiece(R"(, "normalizer": {"type": "Sequence", "normalizers": [)" + parts + "]}"), tokenizer)
            .ok());
    std::vector<Encoding> encodings;
    CHECK(tokenizer->encode({{"a", std::nullopt}}, tokenizer->defaults(), encodings).code() == kInvalid);
}

TEST_CASE("a pattern that takes for ever finds nothing more") {
    const std::string pattern = R"(\\s*\\s*\\s*\\s*\\s*\\s*x)";
    const std::string json =
        wordpiece(R"(, "normalizer": {"type": "Replace", "content": "", "pattern": {"Regex": ")" + pattern + "\"}}");
    CHECK(ids_of(json, std::string(300, ' ') + "hello") == std::vector<int32_t>{4});
}

TEST_CASE("a word of a million letters is divided in a reasonable time") {
    std::string vocabulary = "{\"a\": 0";
    std::string merges;
    std::string token = "a";
    for (int i = 1; i < 8; ++i) {
        merges += (i > 1 ? ", \"" : "\"") + token + " " + token + "\"";
        token += token;
        vocabulary += ", \"" + token + "\": " + std::to_string(i);
    }
    const std::string json =
        "{\"model\": {\"type\": \"BPE\", \"vocab\": " + vocabulary + "}, \"merges\": [" + merges + "]}}";
    const std::vector<int32_t> ids = ids_of(json, std::string(size_t{1} << 20, 'a'));
    CHECK(ids == std::vector<int32_t>(size_t{1} << 13, 7));
}

TEST_CASE("a stream of tokens gives no half character") {
    std::string vocabulary = "{";
    for (int byte = 0; byte < 256; ++byte) {
        char entry[32];
        std::snprintf(entry, sizeof entry, "%s\"<0x%02X>\": %d", byte > 0 ? ", " : "", byte, byte);
        vocabulary += entry;
    }
    std::shared_ptr<const Tokenizer> tokenizer;
    REQUIRE(Tokenizer::load("{\"model\": {\"type\": \"BPE\", \"byte_fallback\": true, \"merges\": [], \"vocab\": " +
                                vocabulary + "}}, \"decoder\": {\"type\": \"ByteFallback\"}}",
                            tokenizer)
                .ok());
    TokenStream stream(tokenizer, true);
    CHECK(stream.push(0xF0).empty());
    CHECK(stream.push(0x9F).empty());
    CHECK(stream.push(0x99).empty());
    CHECK(stream.push(0x82) == "\xF0\x9F\x99\x82");
    CHECK(stream.push('a') == "a");
    CHECK(stream.push(0xC3).empty());
    CHECK(stream.finish() == "\xEF\xBF\xBD");
}
