#include "godot/text/tokenizer_object.h"

#include <algorithm>

#include "godot/conversion/conversion.h"
#include "godot/conversion/options.h"

namespace godot_executorch::godot {
namespace {

template <typename T>
PackedInt32Array to_packed(const std::vector<T>& values) {
    PackedInt32Array result(static_cast<int64_t>(values.size()));
    std::copy(values.begin(), values.end(), result.data());
    return result;
}

Dictionary described(const text::Encoding& encoding) {
    Dictionary result;
    result["ids"] = to_packed(encoding.ids);
    result["type_ids"] = to_packed(encoding.types);
    result["attention_mask"] = to_packed(encoding.attention);
    result["special_tokens_mask"] = to_packed(encoding.special);
    std::vector<uint32_t> offsets;
    for (const text::Span span : encoding.offsets) {
        offsets.push_back(span.begin);
        offsets.push_back(span.end);
    }
    result["offsets"] = to_packed(offsets);
    return result;
}

Dictionary failed(const Status& status) {
    Dictionary result;
    result["error"] = to_godot(status.failure());
    return result;
}

Status read_texts(const Array& given, std::vector<text::TextPair>& texts) {
    for (int64_t i = 0; i < given.size(); ++i) {
        const Variant& value = given[i];
        text::TextPair& pair = texts.emplace_back();
        if (value.type() == String::kType) {
            pair.first = value.as<String>().utf8();
            continue;
        }
        const Array* const both = value.type() == Array::kType ? &value.as<Array>() : nullptr;
        if (both == nullptr || both->size() != 2 || (*both)[0].type() != String::kType ||
            (*both)[1].type() != String::kType) {
            return Status(Code::InvalidOption, "text " + std::to_string(i) +
                                                   ": expected a String or two of them, got " +
                                                   Variant::type_name(value.type()));
        }
        pair.first = (*both)[0].as<String>().utf8();
        pair.second = (*both)[1].as<String>().utf8();
    }
    return {};
}

Status read_options(const Dictionary& given, text::EncodeOptions& options) {
    Options all((Variant(given)));
    options.add_special = all.boolean("add_special_tokens", options.add_special);
    Options truncation(all.get("truncation"));
    text::Truncation& cut = options.truncation;
    cut.most = truncation.size("max_length", cut.most);
    cut.strategy = static_cast<text::Truncation::Strategy>(truncation.choice(
        "strategy", {"longest_first", "only_first", "only_second"}, static_cast<int64_t>(cut.strategy)));
    cut.removes_left = truncation.choice("direction", {"right", "left"}, cut.removes_left ? 1 : 0) == 1;
    Options padding(all.get("padding"));
    text::Padding& pad = options.padding;
    pad.enabled = padding.boolean("enabled", pad.enabled);
    pad.fixed = padding.size("length", pad.fixed);
    pad.multiple = padding.size("multiple_of", pad.multiple);
    pad.on_left = padding.choice("direction", {"right", "left"}, pad.on_left ? 1 : 0) == 1;
    pad.id = static_cast<int32_t>(padding.integer("id", pad.id));
    Status status = truncation.take_status();
    return status.ok() ? padding.take_status() : std::move(status);
}

}  // namespace

Dictionary ExecuTorchNativeTokenizer::load(const PackedByteArray& json) {
    const auto* const bytes = reinterpret_cast<const char*>(json.data());
    const Status status = text::Tokenizer::load({bytes, static_cast<size_t>(json.size())}, tokenizer_);
    return status.ok() ? Dictionary() : to_godot(status.failure());
}

Dictionary ExecuTorchNativeTokenizer::get_defaults() const {
    constexpr const char* kStrategies[] = {"longest_first", "only_first", "only_second"};
    const text::EncodeOptions options = tokenizer_ != nullptr ? tokenizer_->defaults() : text::EncodeOptions();
    Dictionary truncation;
    truncation["max_length"] = options.truncation.most;
    truncation["strategy"] = kStrategies[static_cast<int>(options.truncation.strategy)];
    truncation["direction"] = options.truncation.removes_left ? "left" : "right";
    Dictionary padding;
    padding["enabled"] = options.padding.enabled;
    padding["length"] = options.padding.fixed;
    padding["multiple_of"] = options.padding.multiple;
    padding["direction"] = options.padding.on_left ? "left" : "right";
    padding["id"] = static_cast<int64_t>(options.padding.id);
    Dictionary defaults;
    defaults["truncation"] = truncation;
    defaults["padding"] = padding;
    return defaults;
}

Dictionary ExecuTorchNativeTokenizer::encode(const Array& texts, const Dictionary& given) const {
    if (tokenizer_ == nullptr) {
        return failed(Status(Code::NotLoaded, "no tokenizer is loaded", "Load a tokenizer.json first."));
    }
    std::vector<text::TextPair> pairs;
    text::EncodeOptions options = tokenizer_->defaults();
    std::vector<text::Encoding> encodings;
    Status status = read_texts(texts, pairs);
    status = status.ok() ? read_options(given, options) : std::move(status);
    status = status.ok() ? tokenizer_->encode(pairs, options, encodings) : std::move(status);
    if (!status.ok()) {
        return failed(status);
    }
    Array array(static_cast<int64_t>(encodings.size()));
    for (size_t i = 0; i < encodings.size(); ++i) {
        array[static_cast<int64_t>(i)] = described(encodings[i]);
    }
    Dictionary result;
    result["encodings"] = array;
    return result;
}

String ExecuTorchNativeTokenizer::decode(const PackedInt32Array& ids, bool skip_special) const {
    const int32_t* const first = ids.data();
    const std::vector<int64_t> numbers(first, first + ids.size());
    return tokenizer_ != nullptr ? String(tokenizer_->decode(numbers, skip_special)) : String();
}

ObjectRef ExecuTorchNativeTokenizer::decode_stream(bool skip_special) const {
    void* instance = nullptr;
    const StringName name(ExecuTorchNativeTokenStream::kName);
    ObjectRef object(create_object(name, create_instance<ExecuTorchNativeTokenStream>, instance));
    if (tokenizer_ != nullptr) {
        static_cast<ExecuTorchNativeTokenStream*>(instance)->begin(tokenizer_, skip_special);
    }
    return object;
}

int64_t ExecuTorchNativeTokenizer::token_to_id(const String& token) const {
    return tokenizer_ != nullptr ? tokenizer_->token_to_id(token.utf8()) : -1;
}

String ExecuTorchNativeTokenizer::id_to_token(int64_t id) const {
    const std::string* const token = tokenizer_ != nullptr ? tokenizer_->id_to_token(id) : nullptr;
    return token != nullptr ? String(*token) : String();
}

int64_t ExecuTorchNativeTokenizer::get_vocabulary_size() const {
    return tokenizer_ != nullptr ? tokenizer_->vocabulary_size() : 0;
}

void ExecuTorchNativeTokenizer::bind() {
    using Self = ExecuTorchNativeTokenizer;
    ClassBinding<Self> bound(kName);
    bound.method({"load", {"json"}}, &Self::load);
    bound.method({"get_defaults"}, &Self::get_defaults);
    bound.method({"encode", {"texts", "options"}, {Dictionary()}}, &Self::encode);
    bound.method({"decode", {"ids", "skip_special"}, {true}}, &Self::decode);
    bound.method({"decode_stream", {"skip_special"}, {true}}, &Self::decode_stream);
    bound.method({"token_to_id", {"token"}}, &Self::token_to_id);
    bound.method({"id_to_token", {"id"}}, &Self::id_to_token);
    bound.method({"get_vocabulary_size"}, &Self::get_vocabulary_size);
}

void ExecuTorchNativeTokenStream::begin(std::shared_ptr<const text::Tokenizer> tokenizer, bool skip_special) {
    stream_ = std::make_unique<text::TokenStream>(std::move(tokenizer), skip_special);
}

String ExecuTorchNativeTokenStream::push(int64_t id) {
    return stream_ != nullptr ? String(stream_->push(id)) : String();
}

String ExecuTorchNativeTokenStream::finish() {
    return stream_ != nullptr ? String(stream_->finish()) : String();
}

void ExecuTorchNativeTokenStream::bind() {
    using Self = ExecuTorchNativeTokenStream;
    ClassBinding<Self> bound(kName);
    bound.method({"push", {"id"}}, &Self::push);
    bound.method({"finish"}, &Self::finish);
}

}  // namespace godot_executorch::godot
