#include <doctest/doctest.h>

#include <algorithm>

#include "models.h"

using namespace godot_executorch;
using namespace godot_executorch::testing;

namespace {

int code(Code value) {
    return static_cast<int>(value);
}

}  // namespace

TEST_CASE("wrong inputs are refused with expected and got") {
    Session model;
    REQUIRE(model.load_from_file(model_path("linear_xnnpack.pte")).ok());
    std::vector<TensorValue> outputs;
    CHECK(model.forward({}, outputs).code() == code(Code::WrongInputCount));
    const Status shape = model.forward({floats({1, 2}, {1, 2})}, outputs);
    REQUIRE(shape.code() == code(Code::WrongShape));
    CHECK(shape.failure().cause.find("expected float32[1,1], got [1,2]") != std::string::npos);
    CHECK(model.forward({floats({1}, {1})}, outputs).code() == code(Code::WrongShape));
    TensorValue whole = floats({1}, {1, 1});
    whole.dtype = Dtype::Int;
    const Status dtype = model.forward({whole}, outputs);
    REQUIRE(dtype.code() == code(Code::WrongDtype));
    CHECK(dtype.failure().cause.find("expected float32, got int32") != std::string::npos);
    CHECK_FALSE(dtype.failure().remedy.empty());
}

TEST_CASE("every dimension is held to its range, not only the number of elements") {
    Session model;
    REQUIRE(model.load_from_file(model_path("policy.pte")).ok());
    ValueHint observation{"observation", "float32", {}, {{2, 64}, {8, 8}}};
    ValueHint action{"action", "", {}, {}};
    REQUIRE(model.set_signature("forward", {observation}, {action}).ok());
    std::vector<TensorValue> outputs;
    CHECK(model.forward({floats(std::vector<float>(16), {2, 8})}, outputs).ok());
    CHECK(outputs[0].shape == Shape::of(std::vector<int32_t>{2, 4}.data(), 2));
    CHECK(model.forward({floats(std::vector<float>(512), {64, 8})}, outputs).ok());
    const Status swapped = model.forward({floats(std::vector<float>(64), {4, 16})}, outputs);
    REQUIRE(swapped.code() == code(Code::WrongShape));
    CHECK(swapped.failure().cause == "observation: expected float32[2..64,8], got [4,16] (dimension 1)");
    CHECK(model.forward({floats(std::vector<float>(8), {1, 8})}, outputs).code() == code(Code::WrongShape));
    CHECK(model.forward({floats(std::vector<float>(520), {65, 8})}, outputs).code() == code(Code::WrongShape));
    // A call after a refused one still works.
    CHECK(model.forward({floats(std::vector<float>(24), {3, 8})}, outputs).ok());
}

TEST_CASE("a signature that contradicts the program is refused") {
    Session model;
    REQUIRE(model.load_from_file(model_path("policy.pte")).ok());
    const ValueHint output;
    CHECK(model.set_signature("forward", {}, {output}).code() == code(Code::WrongInputCount));
    CHECK(model.set_signature("forward", {{"x", "int64", {}, {}}}, {output}).code() == code(Code::WrongDtype));
    CHECK(model.set_signature("forward", {{"x", "", {}, {{1, 64}}}}, {output}).code() == code(Code::WrongShape));
    CHECK(model.set_signature("forward", {{"x", "", {}, {{1, 65}, {8, 8}}}}, {output}).code() ==
          code(Code::WrongShape));
    CHECK(model.set_signature("nothing", {}, {}).code() == code(Code::UnknownMethod));
    CHECK(model.set_signature("forward", {{"x", "", {}, {{1, 63}, {8, 8}}}}, {output}).ok());
}

TEST_CASE("a number of elements without a shape finds the only shape it can have") {
    ValueSpec spec;
    spec.name = "x";
    spec.tag = executorch::runtime::Tag::Tensor;
    spec.dtype = Dtype::Float;
    const int32_t sizes[] = {64, 8};
    spec.shape = Shape::of(sizes, 2);
    spec.minimum = {1, 8};
    spec.element_count = 512;
    spec.has_ranges = true;
    Shape shape;
    REQUIRE(spec.infer_shape(24, shape).ok());
    CHECK(shape.text() == "[3,8]");
    CHECK(spec.infer_shape(25, shape).code() == code(Code::WrongShape));
    CHECK(spec.infer_shape(520, shape).code() == code(Code::WrongShape));
    CHECK(spec.infer_shape(0, shape).code() == code(Code::WrongShape));
    spec.minimum = {1, 1};
    const Status open = spec.infer_shape(24, shape);
    REQUIRE(open.code() == code(Code::WrongShape));
    CHECK(open.failure().cause.find("[3,8] or [4,6]") != std::string::npos);
    CHECK(open.failure().remedy.find("shape") != std::string::npos);
    // 7 * 61 has no other factors that fit.
    REQUIRE(spec.infer_shape(61 * 7, shape).ok());
    CHECK(shape.text() == "[61,7]");
}

TEST_CASE("what a flat array means does not depend on the call before") {
    Session model;
    REQUIRE(model.load_from_file(model_path("policy.pte")).ok());
    const std::vector<float> values(16, 1.0F);
    const int32_t sizes[] = {2, 8};
    const auto is_taken_flat = [&] {
        Call call(model);
        REQUIRE(call.begin_forward().ok());
        return call.method().set_same_shape(0, values.data(), values.size());
    };
    const auto call_with_shape = [&] {
        Call call(model);
        REQUIRE(call.begin_forward().ok());
        REQUIRE(call.method().set_tensor(0, Shape::of(sizes, 2), values.data()).ok());
        REQUIRE(call.execute().ok());
    };
    call_with_shape();
    CHECK_FALSE(is_taken_flat());  // the program alone does not say which dimension is the batch
    REQUIRE(model.set_signature("forward", {{"x", "", {}, {{1, 64}, {8, 8}}}}, {{"y", "", {}, {}}}).ok());
    call_with_shape();
    CHECK(is_taken_flat());
}

TEST_CASE("every dtype goes in and comes out unchanged") {
    struct Kind {
        const char* name;
        Dtype dtype;
    };
    const Kind kinds[] = {{"float32", Dtype::Float}, {"float64", Dtype::Double},    {"float16", Dtype::Half},
                          {"int8", Dtype::Char},     {"bfloat16", Dtype::BFloat16}, {"int16", Dtype::Short},
                          {"int32", Dtype::Int},     {"int64", Dtype::Long},        {"uint8", Dtype::Byte},
                          {"uint16", Dtype::UInt16}, {"uint32", Dtype::UInt32},     {"bool", Dtype::Bool}};
    for (const Kind& kind : kinds) {
        CAPTURE(kind.name);
        Session model;
        REQUIRE(model.load_from_file(model_path(std::string("same_") + kind.name + ".pte")).ok());
        MethodSignature signature;
        REQUIRE(model.method_signature("forward", signature).ok());
        CHECK(std::string(dtype_name(signature.inputs[0].dtype)) == kind.name);
        const float source[] = {0, 1, 1, 0};
        TensorValue input = floats({}, {4});
        input.dtype = kind.dtype;
        input.data.resize(4 * dtype_size(kind.dtype));
        REQUIRE(convert_elements(source, Dtype::Float, input.data.data(), kind.dtype, 4).ok());
        std::vector<TensorValue> outputs;
        REQUIRE(model.forward({input}, outputs).ok());
        CHECK(outputs[0].dtype == kind.dtype);
        CHECK(outputs[0].data == input.data);
        float back[4];
        REQUIRE(convert_elements(outputs[0].data.data(), kind.dtype, back, Dtype::Float, 4).ok());
        CHECK(std::equal(source, source + 4, back));
    }
}

TEST_CASE("conversions refuse what the dtype cannot hold") {
    int8_t small[1];
    uint64_t wide[1];
    const double values[] = {127, 128, -128, -129, 2.5, 1e300, -1};
    CHECK(convert_elements(&values[0], Dtype::Double, small, Dtype::Char, 1).ok());
    CHECK(convert_elements(&values[2], Dtype::Double, small, Dtype::Char, 1).ok());
    for (const int bad : {1, 3, 4, 5}) {
        CHECK(convert_elements(&values[bad], Dtype::Double, small, Dtype::Char, 1).code() ==
              code(Code::ValueOutOfRange));
    }
    CHECK(convert_elements(&values[6], Dtype::Double, wide, Dtype::UInt64, 1).code() == code(Code::ValueOutOfRange));
    const int64_t integers[] = {-1, 255, 256};
    uint8_t byte[1];
    CHECK(convert_elements(&integers[1], Dtype::Long, byte, Dtype::Byte, 1).ok());
    CHECK_FALSE(convert_elements(&integers[0], Dtype::Long, byte, Dtype::Byte, 1).ok());
    CHECK_FALSE(convert_elements(&integers[2], Dtype::Long, byte, Dtype::Byte, 1).ok());
    CHECK_FALSE(convert_elements(&integers[0], Dtype::Long, wide, Dtype::UInt64, 1).ok());
}

TEST_CASE("a backend or operator that is not here is named") {
    struct Changed {
        const char* model;
        std::string name;
        std::string wrong;
        Code code;
    };
    const Changed changes[] = {
        {"linear_xnnpack.pte", "XnnpackBackend", "XnnpackBackenx", Code::BackendMissing},
        {"convnet_portable.pte", "aten::relu", "aten::relx", Code::OperatorMissing},
    };
    for (const Changed& change : changes) {
        std::vector<char> bytes = read_file(model_path(change.model));
        const auto found = std::search(bytes.begin(), bytes.end(), change.name.begin(), change.name.end());
        REQUIRE(found != bytes.end());
        std::copy(change.wrong.begin(), change.wrong.end(), found);
        Session model;
        REQUIRE(model.load_from_buffer(bytes.data(), bytes.size()).ok());
        const Status status = model.load_method("forward");
        REQUIRE(status.code() == code(change.code));
        CHECK(status.failure().cause.find(change.wrong) != std::string::npos);
    }
}
