#include "core/text/models/model.h"

#include <cstdio>
#include <string>

#include "core/text/json/fields.h"
#include "core/text/models/bpe.h"
#include "core/text/models/unigram.h"
#include "core/text/models/wordpiece.h"

namespace godot_executorch::text {
namespace {

/// Old files do not say of what type the model is.
std::string type_of(json::Fields& fields) {
    if (fields.has("type")) {
        return fields.required_string("type");
    }
    return fields.has("merges") ? "BPE" : fields.has("unk_id") ? "Unigram" : "WordPiece";
}

}  // namespace

Status make_model(const json::Value& value, std::unique_ptr<Model>& made) {
    json::Fields fields(value, "model");
    if (!fields.ok()) {
        return fields.take_status();
    }
    const std::string type = type_of(fields);
    Status status;
    if (type == "BPE") {
        status = Bpe::make(value, fields, made);
    } else if (type == "WordPiece") {
        status = WordPiece::make(value, fields, made);
    } else if (type == "Unigram") {
        status = Unigram::make(fields, made);
    } else {
        fields.unsupported("the model " + type);
    }
    return status.ok() ? fields.take_status() : std::move(status);
}

Status read_vocabulary(const json::Value& value, Vocabulary& vocabulary) {
    if (value.type != json::Type::Object) {
        return Status(Code::TokenizerInvalid,
                      std::string("model.vocab: expected an object, got ") + json::name_of(value.type));
    }
    for (const auto& [token, id] : value.object) {
        Status status = vocabulary.add(token, json::whole_number(id, kMostIds - 1));
        if (!status.ok()) {
            return std::move(status).within("model.vocab: ");
        }
    }
    return {};
}

std::vector<int32_t> byte_tokens(const Vocabulary& vocabulary) {
    std::vector<int32_t> ids;
    for (unsigned byte = 0; byte < 256; ++byte) {
        char name[8];
        std::snprintf(name, sizeof name, "<0x%02X>", byte);
        ids.push_back(vocabulary.find(name));
    }
    return ids;
}

}  // namespace godot_executorch::text
