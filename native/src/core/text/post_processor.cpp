#include "core/text/post_processor.h"

#include <algorithm>
#include <map>
#include <string>

#include "core/text/json/fields.h"
#include "core/text/json/sequence.h"
#include "core/text/models/vocabulary.h"

namespace godot_executorch::text {
namespace {

using Making = std::unique_ptr<PostProcessor>;

constexpr size_t kMostParts = 64;
constexpr size_t kMostSpecialIds = 1024;  // of one special token

/// A text of the template, or tokens that it adds.
struct Part {
    int text = -1;             // 0 or 1
    std::vector<int32_t> ids;  // of a special token
    int32_t type = 0;
};
using Layout = std::vector<Part>;

class Template : public PostProcessor {
  public:
    Template(Layout single, Layout pair, bool sets_types)
        : single_(std::move(single)), pair_(std::move(pair)), sets_types_(sets_types) {}

    size_t added(bool is_pair) const override {
        size_t count = 0;
        for (const Part& part : is_pair ? pair_ : single_) {
            count += part.ids.size();
        }
        return count;
    }

    void apply(std::vector<Encoding>& encodings, bool add_special) const override {
        if (!add_special && !sets_types_) {
            return;
        }
        Encoding result;
        for (const Part& part : encodings.size() > 1 ? pair_ : single_) {
            if (part.text >= 0 && static_cast<size_t>(part.text) < encodings.size()) {
                Encoding& encoding = encodings[static_cast<size_t>(part.text)];
                std::fill(encoding.types.begin(), encoding.types.end(), part.type);
                result.append(encoding);
            } else if (add_special) {
                for (const int32_t id : part.ids) {
                    result.add(id, part.type, {}, true);
                }
            }
        }
        encodings.assign(1, std::move(result));
    }

  private:
    Layout single_;
    Layout pair_;
    bool sets_types_;  // also where no special tokens are added
};

class Sequence : public PostProcessor {
  public:
    explicit Sequence(std::vector<Making> parts) : parts_(std::move(parts)) {}

    size_t added(bool is_pair) const override {
        size_t count = 0;
        for (const Making& part : parts_) {
            count += part->added(is_pair);
        }
        return count;
    }

    void apply(std::vector<Encoding>& encodings, bool add_special) const override {
        for (const Making& part : parts_) {
            part->apply(encodings, add_special);
        }
    }

  private:
    std::vector<Making> parts_;
};

/// Byte-level processing moves offsets only; the tokenizer does that, because it knows the tokens' texts.
class Nothing : public PostProcessor {
  public:
    size_t added(bool) const override { return 0; }
    void apply(std::vector<Encoding>&, bool) const override {}
};

using SpecialIds = std::map<std::string, std::vector<int32_t>>;

SpecialIds read_special(json::Fields& fields) {
    SpecialIds special;
    for (const auto& [name, value] : fields.of("special_tokens", json::Type::Object).object) {
        const json::Value& ids = value["ids"];
        if (ids.array.size() > kMostSpecialIds) {
            fields.fail("special_tokens: " + name + " has more than " + std::to_string(kMostSpecialIds) + " ids");
        }
        for (const json::Value& id : ids.array) {
            const int64_t number = json::whole_number(id, kMostIds - 1);
            if (number < 0) {
                fields.fail("special_tokens: the ids of " + name);
            }
            special[name].push_back(static_cast<int32_t>(number));
        }
    }
    return special;
}

Layout read_layout(json::Fields& fields, const char* name, const SpecialIds& special) {
    Layout layout;
    const json::Value& parts = fields.of(name, json::Type::Array, true);
    if (parts.array.size() > kMostParts) {
        fields.fail(std::string(name) + ": more than " + std::to_string(kMostParts) + " parts");
        return layout;
    }
    for (const json::Value& value : parts.array) {
        const json::Value& text = value["Sequence"];
        const json::Value& token = value["SpecialToken"];
        const json::Value& found = text.is_null() ? token : text;
        Part part;
        part.type = static_cast<int32_t>(std::max<int64_t>(0, json::whole_number(found["type_id"], 1 << 20)));
        const std::string& id = found["id"].string;
        const auto ids = special.find(id);
        if (!text.is_null() && (id == "A" || id == "B")) {
            part.text = id == "A" ? 0 : 1;
        } else if (!token.is_null() && ids != special.end()) {
            part.ids = ids->second;
        } else {
            fields.fail(std::string(name) + ": the part \"" + id + "\"");
        }
        layout.push_back(std::move(part));
    }
    return layout;
}

int32_t read_pair_id(json::Fields& fields, const char* name) {
    const json::Value& value = fields.of(name, json::Type::Array, true);
    const int64_t id = value.array.size() == 2 ? json::whole_number(value.array[1], kMostIds - 1) : -1;
    if (id < 0) {
        fields.fail(std::string(name) + ": expected [token, id]");
    }
    return static_cast<int32_t>(id);
}

Making make_bert(json::Fields& fields) {
    const Part begin{-1, {read_pair_id(fields, "cls")}, 0};
    const int32_t separator = read_pair_id(fields, "sep");
    const Part end{-1, {separator}, 0};
    const Part second_end{-1, {separator}, 1};
    return std::make_unique<Template>(Layout{begin, {0, {}, 0}, end},
                                      Layout{begin, {0, {}, 0}, end, {1, {}, 1}, second_end}, false);
}

Making make_roberta(json::Fields& fields) {
    const Part begin{-1, {read_pair_id(fields, "cls")}, 0};
    const Part end{-1, {read_pair_id(fields, "sep")}, 0};
    return std::make_unique<Template>(Layout{begin, {0, {}, 0}, end},
                                      Layout{begin, {0, {}, 0}, end, end, {1, {}, 0}, end}, false);
}

}  // namespace

Status make_post_processor(const json::Value& value, std::unique_ptr<PostProcessor>& made) {
    if (value.is_null()) {
        return {};
    }
    json::Fields fields(value, "post_processor");
    const std::string type = fields.required_string("type");
    Status status;
    if (type == "TemplateProcessing") {
        const SpecialIds special = read_special(fields);
        Layout single = read_layout(fields, "single", special);
        made = std::make_unique<Template>(std::move(single), read_layout(fields, "pair", special), true);
    } else if (type == "BertProcessing") {
        made = make_bert(fields);
    } else if (type == "RobertaProcessing") {
        made = make_roberta(fields);
    } else if (type == "ByteLevel") {
        made = std::make_unique<Nothing>();
    } else if (type == "Sequence") {
        status = json::make_sequence<Sequence>(fields, "processors", make_post_processor, made);
    } else {
        fields.unsupported("the post-processor " + type);
    }
    return status.ok() ? fields.take_status() : std::move(status);
}

Trimming read_trimming(const json::Value& value) {
    const std::string& type = value["type"].string;
    if (type == "Sequence") {
        for (const json::Value& part : value["processors"].array) {
            const Trimming found = part["type"].string == "Sequence" ? Trimming() : read_trimming(part);
            if (found.enabled) {
                return found;
            }
        }
    }
    if (type != "ByteLevel" && type != "RobertaProcessing") {
        return {};
    }
    const auto is_true = [&](const char* name) { return value[name].is_null() || value[name].boolean; };
    return {is_true("trim_offsets"), is_true("add_prefix_space")};
}

}  // namespace godot_executorch::text
