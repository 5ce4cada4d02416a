#pragma once

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "core/runtime/hooks.h"
#include "core/session/session.h"

/// Programs of make_models.py, and tensors for them.
namespace godot_executorch::testing {

inline std::string model_path(const std::string& name) {
    return std::string(TEST_MODELS) + "/" + name;
}

inline std::vector<char> read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    REQUIRE_MESSAGE(file.good(), path << " is missing: run ctest, which makes the models first");
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// Writes a file of its own name; one that is there is replaced, not written over.
inline std::string scratch_file(const std::vector<char>& bytes) {
    const std::string path = std::string(TEST_MODELS) + "/scratch.pte";
    const std::string partial = path + ".partial";
    std::ofstream(partial, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    std::rename(partial.c_str(), path.c_str());
    return path;
}

inline TensorValue floats(const std::vector<float>& values, const std::vector<int32_t>& sizes) {
    TensorValue tensor;
    tensor.shape = Shape::of(sizes.data(), sizes.size());
    const auto* bytes = reinterpret_cast<const uint8_t*>(values.data());
    tensor.data.assign(bytes, bytes + values.size() * sizeof(float));
    return tensor;
}

inline std::vector<float> to_floats(const TensorValue& tensor) {
    std::vector<float> values(tensor.data.size() / sizeof(float));
    std::memcpy(values.data(), tensor.data.data(), values.size() * sizeof(float));
    return values;
}

inline std::vector<float> run(Session& model, const TensorValue& input, const std::string& method = "forward") {
    std::vector<TensorValue> outputs;
    const Status status = model.execute(method, {input}, outputs);
    return status.ok() && !outputs.empty() ? to_floats(outputs[0]) : std::vector<float>();
}

}  // namespace godot_executorch::testing
