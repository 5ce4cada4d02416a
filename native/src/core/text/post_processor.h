#pragma once

#include <memory>

#include "core/text/encoding.h"
#include "core/text/json/json_value.h"

namespace godot_executorch::text {

/// What is put around the tokens of a text, or of two.
class PostProcessor {
  public:
    virtual ~PostProcessor() = default;
    /// How many tokens it adds.
    virtual size_t added(bool is_pair) const = 0;
    /// Works on one or two encodings; a template leaves one.
    virtual void apply(std::vector<Encoding>& encodings, bool add_special) const = 0;
};

/// `made` becomes null when the file has none.
Status make_post_processor(const json::Value& value, std::unique_ptr<PostProcessor>& made);

/// Whether offsets leave out the spaces around a token.
struct Trimming {
    bool enabled = false;
    bool keeps_prefix = false;  // a space that was put before the text is not in it
};
Trimming read_trimming(const json::Value& value);

}  // namespace godot_executorch::text
