// A tokenizer.json of any bytes: it is refused, or it encodes and decodes some texts and reads nothing outside of them.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "core/text/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace godot_executorch::text;
    std::shared_ptr<const Tokenizer> tokenizer;
    if (!Tokenizer::load({reinterpret_cast<const char*>(data), size}, tokenizer).ok()) {
        return 0;
    }
    std::vector<Encoding> encodings;
    const std::vector<TextPair> texts = {{"Who's there?  a\u0301\u00C5 \U0001F642 123\r\n", "\u4F60\u597D <s> ###"},
                                         {"", std::nullopt}};
    if (!tokenizer->encode(texts, tokenizer->defaults(), encodings).ok()) {
        return 0;
    }
    for (const Encoding& encoding : encodings) {
        tokenizer->decode({encoding.ids.begin(), encoding.ids.end()}, true);
        TokenStream stream(tokenizer, false);
        for (const int32_t id : encoding.ids) {
            stream.push(id);
        }
        stream.finish();
    }
    return 0;
}
