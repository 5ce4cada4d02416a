// The operators of whole rows as a program calls them, against a plain loop, and with what only a hostile program
// gives.

#include <doctest/doctest.h>
#include <executorch/runtime/core/exec_aten/util/scalar_type_util.h>
#include <executorch/runtime/kernel/kernel_runtime_context.h>
#include <executorch/runtime/kernel/operator_registry.h>

#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

using executorch::aten::ScalarType;
using executorch::aten::Tensor;
using executorch::aten::TensorImpl;
using executorch::runtime::Error;
using executorch::runtime::EValue;
using executorch::runtime::KernelRuntimeContext;

namespace {

constexpr auto kTake = "godot_executorch::take_rows.out";
constexpr auto kPut = "godot_executorch::put_rows.out";
constexpr auto kAdd = "godot_executorch::add_rows.out";

template <typename Number>
constexpr ScalarType kDtype = executorch::runtime::CppTypeToScalarType<Number>::value;

/// A tensor with memory of exactly its size, so that a sanitizer sees each access outside of it.
template <typename Number>
struct Array {
    Array(std::vector<int32_t> shape, std::vector<Number> numbers)
        : Array(std::move(shape), std::move(numbers), nullptr) {}

    /// A tensor in memory that another one uses as well.
    explicit Array(std::vector<Number>& shared) : Array({static_cast<int32_t>(shared.size())}, {}, shared.data()) {}

    Array(const Array&) = delete;
    Array& operator=(const Array&) = delete;

    std::vector<int32_t> sizes;
    std::vector<uint8_t> order;
    std::vector<int32_t> strides;
    std::vector<Number> values;
    TensorImpl impl;

  private:
    Array(std::vector<int32_t> shape, std::vector<Number> numbers, Number* shared)
        : sizes(std::move(shape)),
          order(sizes.size()),
          strides(sizes.size(), 1),
          values(std::move(numbers)),
          impl(kDtype<Number>, static_cast<ssize_t>(sizes.size()), sizes.data(), shared ? shared : values.data(),
               order.data(), strides.data()) {
        std::iota(order.begin(), order.end(), uint8_t{0});
        for (size_t d = sizes.size(); d-- > 1;) {
            strides[d - 1] = strides[d] * sizes[d];
        }
    }
};

Error call_values(const char* name, std::vector<EValue> values) {
    const auto kernel = executorch::runtime::get_op_function_from_registry(name);
    REQUIRE(kernel.ok());
    std::vector<EValue*> stack;
    for (EValue& value : values) {
        stack.push_back(&value);
    }
    KernelRuntimeContext context;
    (*kernel)(context, {stack.data(), stack.size()});
    return context.failure_state();
}

template <typename... Arrays>
Error call(const char* name, Arrays&... arrays) {
    return call_values(name, {EValue(Tensor(&arrays.impl))...});
}

template <typename Number>
std::vector<Number> numbers(int64_t count, std::mt19937& random) {
    std::vector<Number> made(count);
    for (Number& number : made) {
        number = static_cast<Number>(random() % 1000);
    }
    return made;
}

/// All three operators for one size, each against its plain loop.
template <typename Number, typename Index>
void compare(int32_t count, int32_t elements, int32_t taken, std::mt19937& random) {
    CAPTURE(count);
    CAPTURE(elements);
    CAPTURE(taken);
    Array<Number> table({count, elements}, numbers<Number>(int64_t{count} * elements, random));
    Array<Number> source({taken, elements}, numbers<Number>(int64_t{taken} * elements, random));
    Array<Index> index({taken}, std::vector<Index>(taken));
    for (Index& row : index.values) {
        row = static_cast<Index>(static_cast<int64_t>(random() % (2 * count)) - count);
    }
    Array<Number> rows({taken, elements}, std::vector<Number>(source.values.size()));
    Array<Number> put({count, elements}, std::vector<Number>(table.values.size()));
    Array<Number> sums({count, elements}, std::vector<Number>(table.values.size()));
    REQUIRE(call(kTake, table, index, rows) == Error::Ok);
    REQUIRE(call(kPut, table, index, source, put) == Error::Ok);
    REQUIRE(call(kAdd, table, index, source, sums) == Error::Ok);
    std::vector<Number> as_put = table.values, as_sums = table.values;
    for (int32_t i = 0; i < taken; ++i) {
        const int64_t row = index.values[i] + (index.values[i] < 0 ? count : 0);
        for (int32_t k = 0; k < elements; ++k) {
            CHECK(rows.values[i * elements + k] == table.values[row * elements + k]);
            as_put[row * elements + k] = source.values[i * elements + k];
            as_sums[row * elements + k] += source.values[i * elements + k];
        }
    }
    CHECK(put.values == as_put);
    CHECK(sums.values == as_sums);
}

template <typename Index>
void refuse_outside() {
    Array<float> table({3, 2}, {1, 2, 3, 4, 5, 6});
    for (const Index outside :
         {Index{3}, Index{-4}, std::numeric_limits<Index>::max(), std::numeric_limits<Index>::min()}) {
        CAPTURE(outside);
        Array<Index> index({2}, {0, outside});
        Array<float> source({2, 2}, {7, 7, 7, 7});
        Array<float> rows({2, 2}, {0, 0, 0, 0});
        Array<float> changed({3, 2}, std::vector<float>(6));
        CHECK(call(kTake, table, index, rows) == Error::InvalidArgument);
        CHECK(call(kPut, table, index, source, changed) == Error::InvalidArgument);
        CHECK(changed.values == table.values);
        CHECK(call(kAdd, table, index, source, changed) == Error::InvalidArgument);
        CHECK(changed.values == table.values);
    }
}

}  // namespace

TEST_CASE("rows: taken, put and added as by a plain loop, for odd sizes and none") {
    std::mt19937 random(1);
    for (const int32_t count : {1, 3, 17}) {
        for (const int32_t elements : {0, 1, 5, 33}) {
            for (const int32_t taken : {0, 1, 7, 40}) {
                compare<float, int64_t>(count, elements, taken, random);
                compare<double, int32_t>(count, elements, taken, random);
                compare<int32_t, int64_t>(count, elements, taken, random);
                compare<int64_t, int32_t>(count, elements, taken, random);
            }
        }
    }
}

TEST_CASE("rows: sums of integers wrap around") {
    Array<int64_t> table({1}, {std::numeric_limits<int64_t>::max()});
    Array<int64_t> index({1}, {0});
    Array<int64_t> source({1}, {1});
    Array<int64_t> sums({1}, {0});
    REQUIRE(call(kAdd, table, index, source, sums) == Error::Ok);
    CHECK(sums.values[0] == std::numeric_limits<int64_t>::min());
}

TEST_CASE("rows: an index outside of the table is refused, and nothing is changed") {
    refuse_outside<int64_t>();
    refuse_outside<int32_t>();
    Array<float> none({0, 2}, {});
    Array<float> row({1, 2}, {0, 0});
    for (const int64_t number : {0, -1}) {
        Array<int64_t> index({1}, {number});
        CHECK(call(kTake, none, index, row) == Error::InvalidArgument);
    }
}

TEST_CASE("rows: sizes of a row that no table can have are not multiplied") {
    const int32_t most = std::numeric_limits<int32_t>::max();
    Array<float> table({0, most, most, 3}, {});
    Array<int64_t> index({0}, {});
    Array<float> rows({0, most, most, 3}, {});
    CHECK(call(kTake, table, index, rows) == Error::Ok);
}

TEST_CASE("rows: arguments that do not fit each other are refused") {
    Array<float> table({3, 2}, {1, 2, 3, 4, 5, 6});
    Array<int64_t> index({2}, {0, 1});
    Array<float> rows({2, 2}, std::vector<float>(4));
    Array<float> changed({3, 2}, std::vector<float>(6));
    Array<float> scalar({}, {1});
    Array<float> wide({2, 3}, std::vector<float>(6));
    Array<double> doubles({2, 2}, std::vector<double>(4));
    Array<float> floats({2}, {0, 1});
    Array<float> small({1, 2}, {0, 0});
    CHECK(call(kTake, scalar, index, rows) == Error::InvalidArgument);
    CHECK(call(kTake, table, floats, rows) == Error::InvalidArgument);
    CHECK(call(kTake, table, index, doubles) == Error::InvalidArgument);
    CHECK(call(kTake, table, index, small) == Error::InvalidArgument);
    for (const char* name : {kPut, kAdd}) {
        CHECK(call(name, table, index, wide, changed) == Error::InvalidArgument);
        CHECK(call(name, table, index, small, changed) == Error::InvalidArgument);
        CHECK(call(name, table, index, doubles, changed) == Error::InvalidArgument);
        CHECK(call(name, scalar, index, rows, changed) == Error::InvalidArgument);
        CHECK(call(name, table, index, rows, small) == Error::InvalidArgument);
    }
    Array<float> deep(std::vector<int32_t>(16, 1), {1});
    Array<int64_t> deep_index({1, 1}, {0});
    CHECK(call(kTake, deep, deep_index, rows) == Error::InvalidArgument);
}

TEST_CASE("rows: an index that the result overwrites is checked again") {
    // What a program's memory plan says is not checked against what its operators read while they write.
    for (const char* name : {kPut, kAdd}) {
        std::vector<int64_t> memory = {0, 0, 0, 0};
        Array<int64_t> table({4}, {0, 3, 2, 1});
        Array<int64_t> index(memory);
        Array<int64_t> changed(memory);
        Array<int64_t> source({4}, {1, int64_t{1} << 40, int64_t{1} << 40, int64_t{1} << 40});
        CHECK(call(name, table, index, source, changed) == Error::InvalidArgument);
    }
}

TEST_CASE("operators of ours that are called with too few values fail") {
    for (const char* name :
         {kTake, kPut, kAdd, "godot_executorch::lstm.out", "godot_executorch::gru.out", "godot_executorch::rnn.out"}) {
        CAPTURE(name);
        CHECK(call_values(name, {}) == Error::InvalidProgram);
        Array<float> table({1, 1}, {0});
        CHECK(call(name, table) == Error::InvalidProgram);
    }
}
