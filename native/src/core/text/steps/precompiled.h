#pragma once

#include <memory>

#include "core/text/json/fields.h"
#include "core/text/steps/normalizer.h"

namespace godot_executorch::text {

/// The normalizer of SentencePiece's models: replaces what their map of characters lists.
Status make_precompiled(json::Fields& fields, std::unique_ptr<Normalizer>& made);

}  // namespace godot_executorch::text
