// The core's tokenizer on a file of texts (each 4 bytes of length, little endian, and UTF-8):
//   tokenize_texts TOKENIZER_JSON TEXTS encode|pairs|decode|stream|speed
// encode prints a line of id,begin,end,type for each text, pairs for each two; decode and stream print what the ids
// become again, in hexadecimal; speed prints one JSON line. tests/tasks_addon compares all with the tokenizers library.

#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "core/text/tokenizer.h"

namespace {

using namespace godot_executorch;
using namespace godot_executorch::text;
using Clock = std::chrono::steady_clock;

std::string read_file(const char* path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<std::string> split_texts(const std::string& bytes) {
    std::vector<std::string> texts;
    for (size_t at = 0; at + 4 <= bytes.size();) {
        uint32_t length = 0;
        std::memcpy(&length, bytes.data() + at, 4);
        texts.push_back(bytes.substr(at + 4, length));
        at += 4 + length;
    }
    return texts;
}

int fail(const Status& status) {
    std::fprintf(stderr, "%s [%s]\n", status.failure().cause.c_str(), status.failure().name.c_str());
    return 1;
}

void print_encoding(const Encoding& encoding) {
    for (size_t i = 0; i < encoding.size(); ++i) {
        std::printf("%s%d,%u,%u,%d", i > 0 ? " " : "", encoding.ids[i], encoding.offsets[i].begin,
                    encoding.offsets[i].end, encoding.types[i]);
    }
    std::printf("\n");
}

void print_hexadecimal(const std::string& text) {
    for (const char byte : text) {
        std::printf("%02x", static_cast<unsigned>(static_cast<unsigned char>(byte)));
    }
}

void print_text(const std::shared_ptr<const Tokenizer>& tokenizer, const Encoding& encoding, bool as_stream) {
    if (as_stream) {
        TokenStream stream(tokenizer, true);
        for (const int32_t id : encoding.ids) {
            print_hexadecimal(stream.push(id));
            std::printf(",");
        }
    } else {
        print_hexadecimal(tokenizer->decode({encoding.ids.begin(), encoding.ids.end()}, true));
    }
    std::printf("\n");
}

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Encodes all texts again and again, for a second at least.
int measure(const Tokenizer& tokenizer, const std::vector<std::string>& texts, double load_seconds) {
    const auto start = Clock::now();
    size_t bytes = 0;
    size_t tokens = 0;
    do {
        for (const std::string& text : texts) {
            std::vector<Encoding> encodings;
            const Status status = tokenizer.encode({{text, std::nullopt}}, tokenizer.defaults(), encodings);
            if (!status.ok()) {
                return fail(status);
            }
            bytes += text.size();
            tokens += encodings[0].size();
        }
    } while (seconds_since(start) < 1);
    std::printf("{\"megabytes_per_second\": %.3f, \"tokens\": %zu, \"load_ms\": %.1f}\n",
                static_cast<double>(bytes) / seconds_since(start) / 1e6, tokens, load_seconds * 1000);
    return 0;
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 4) {
        std::fprintf(stderr, "tokenize_texts TOKENIZER_JSON TEXTS encode|pairs|decode|stream|speed\n");
        return 2;
    }
    const std::string mode = arguments[3];
    std::shared_ptr<const Tokenizer> tokenizer;
    const std::string json = read_file(arguments[1]);
    const auto start = Clock::now();
    Status status = Tokenizer::load(json, tokenizer);
    if (!status.ok()) {
        return fail(status);
    }
    const double load_seconds = seconds_since(start);
    const std::vector<std::string> texts = split_texts(read_file(arguments[2]));
    if (mode == "speed") {
        return measure(*tokenizer, texts, load_seconds);
    }
    const size_t step = mode == "pairs" ? 2 : 1;
    for (size_t i = 0; i + step <= texts.size(); i += step) {
        TextPair pair{texts[i], std::nullopt};
        if (step == 2) {
            pair.second = texts[i + 1];
        }
        std::vector<Encoding> encodings;
        status = tokenizer->encode({pair}, tokenizer->defaults(), encodings);
        if (!status.ok()) {
            return fail(status);
        }
        if (mode == "decode" || mode == "stream") {
            print_text(tokenizer, encodings[0], mode == "stream");
        } else {
            print_encoding(encodings[0]);
        }
    }
    return 0;
}
