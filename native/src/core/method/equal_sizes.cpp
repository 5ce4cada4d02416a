#include "core/method/equal_sizes.h"

#include <map>
#include <utility>

namespace godot_executorch {

std::vector<EqualSizes> find_equal_sizes(const MethodSignature& signature) {
    std::vector<EqualSizes> found;
    std::map<std::string, std::pair<size_t, size_t>> seen;
    for (size_t i = 0; i < signature.inputs.size(); ++i) {
        const std::vector<std::string>& names = signature.inputs[i].size_names;
        for (size_t dimension = 0; dimension < names.size(); ++dimension) {
            const auto [first, is_new] = seen.emplace(names[dimension], std::make_pair(i, dimension));
            if (!is_new && !names[dimension].empty()) {
                found.push_back({names[dimension], first->second.first, first->second.second, i, dimension});
            }
        }
    }
    return found;
}

Status unequal_sizes(const EqualSizes& equal, const MethodSignature& signature, int32_t first, int32_t other) {
    const auto text = [&signature](size_t input, size_t dimension, int32_t size) {
        return std::to_string(size) + " in dimension " + std::to_string(dimension) + " of " +
               signature.inputs[input].name;
    };
    return Status(Code::WrongShape,
                  "the sizes \"" + equal.name + "\" must be equal, got " +
                      text(equal.first_input, equal.first_dimension, first) + " and " +
                      text(equal.input, equal.dimension, other),
                  "Give inputs in which these sizes are the same.");
}

}  // namespace godot_executorch
