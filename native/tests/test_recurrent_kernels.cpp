// Every variant of the recurrent kernels against a plain loop in double precision, for sizes that fill vectors and do
// not.

#include <cmath>
#include <functional>
#include <random>
#include <vector>

#include "doctest/doctest.h"
#include "kernels/recurrent.h"

namespace godot_executorch::kernels {
const RecurrentKernels& baseline();
const RecurrentKernels& avx2();
const RecurrentKernels& avx512();
}  // namespace godot_executorch::kernels

using namespace godot_executorch::kernels;

namespace {

struct Shape {
    int64_t steps, batch, size;
};

double sigmoid(double x) {
    return 1.0 / (1.0 + std::exp(-x));
}

/// The inputs of one call, as rows of torch's weight, and the results of both ways.
struct Case {
    Case(Shape given, int64_t gate_count, unsigned seed) : shape(given), columns(gate_count * given.size) {
        std::mt19937 random(seed);
        std::normal_distribution<float> normal;
        auto fill = [&](std::vector<float>& values, int64_t count, float scale) {
            values.resize(count);
            for (float& value : values) {
                value = normal(random) * scale;
            }
        };
        fill(gates, shape.steps * shape.batch * columns, 2.0F);
        fill(rows, columns * shape.size, 1.0F / std::sqrt(static_cast<float>(shape.size)));
        fill(bias, columns, 1.0F);
        fill(hidden, shape.batch * shape.size, 1.0F);
        fill(cell, shape.batch * shape.size, 1.0F);
        const int64_t blocks = padded_columns(columns) / kBlockColumns;
        packed.assign(blocks * shape.size * kBlockColumns, 0.0F);
        for (int64_t column = 0; column < columns; ++column) {
            for (int64_t k = 0; k < shape.size; ++k) {
                packed[(column / kBlockColumns * shape.size + k) * kBlockColumns + column % kBlockColumns] =
                    rows[column * shape.size + k];
            }
        }
    }

    /// The hidden product of one item: column -> sum.
    double product(const std::vector<double>& state, int64_t item, int64_t column) const {
        double sum = 0;
        for (int64_t k = 0; k < shape.size; ++k) {
            sum += state[item * shape.size + k] * rows[column * shape.size + k];
        }
        return sum;
    }

    Shape shape;
    int64_t columns;
    std::vector<float> gates, rows, packed, bias, hidden, cell;
};

using Reference = std::function<double(const Case&, const float*, int64_t item, int64_t i, std::vector<double>& state,
                                       std::vector<double>& cell)>;

void compare(const RecurrentKernels& kernels, void (*run)(const RecurrentCall&, Items), int64_t gate_count,
             bool reverse, const Reference& reference) {
    unsigned seed = 1;
    for (const Shape shape :
         {Shape{1, 1, 1}, Shape{3, 2, 3}, Shape{5, 1, 16}, Shape{4, 3, 17}, Shape{2, 2, 33}, Shape{7, 1, 64},
          Shape{3, 1, 100}, Shape{2, 4, 24}, Shape{3, 7, 40}, Shape{2, 13, 9}, Shape{0, 2, 5}, Shape{3, 0, 5}}) {
        Case made(shape, gate_count, ++seed);
        std::vector<double> state(made.hidden.begin(), made.hidden.end());
        std::vector<double> memory(made.cell.begin(), made.cell.end());
        std::vector<double> expected(shape.steps * shape.batch * shape.size);
        for (int64_t number = 0; number < shape.steps; ++number) {
            const int64_t at = reverse ? shape.steps - 1 - number : number;
            for (int64_t item = 0; item < shape.batch; ++item) {
                const float* gates = made.gates.data() + (at * shape.batch + item) * made.columns;
                std::vector<double> next(shape.size);
                for (int64_t i = 0; i < shape.size; ++i) {
                    next[i] = reference(made, gates, item, i, state, memory);
                }
                for (int64_t i = 0; i < shape.size; ++i) {
                    state[item * shape.size + i] = next[i];
                    expected[(at * shape.batch + item) * shape.size + i] = next[i];
                }
            }
        }
        std::vector<float> output(expected.size());
        std::vector<float> scratch(kItemsAtOnce * padded_columns(made.columns));
        RecurrentCall call;
        call.steps = shape.steps;
        call.batch = shape.batch;
        call.size = shape.size;
        call.reverse = reverse;
        call.gates = made.gates.data();
        call.gates_step = shape.batch * made.columns;
        call.gates_item = made.columns;
        call.weight = made.packed.data();
        call.bias = made.bias.data();
        call.hidden = made.hidden.data();
        call.cell = made.cell.data();
        call.output = output.data();
        call.output_step = shape.batch * shape.size;
        call.output_item = shape.size;
        call.threads_of_a_step = seed % 3 + 1;
        call.over_threads = [](int64_t count, void (*part)(void*, int64_t), void* data) {
            for (int64_t number = count - 1; number >= 0; --number) {
                part(data, number);
            }
        };
        // In two parts, as two threads would.
        run(call, {0, shape.batch / 3, scratch.data()});
        run(call, {shape.batch / 3, shape.batch, scratch.data()});
        CAPTURE(kernels.instruction_set);
        CAPTURE(shape.size);
        for (size_t i = 0; i < output.size(); ++i) {
            REQUIRE(std::abs(output[i] - expected[i]) < 1e-5);
        }
        for (size_t i = 0; i < state.size(); ++i) {
            REQUIRE(std::abs(made.hidden[i] - state[i]) < 1e-5);
        }
    }
}

double lstm(const Case& made, const float* gates, int64_t item, int64_t i, std::vector<double>& state,
            std::vector<double>& memory) {
    const int64_t size = made.shape.size;
    double sums[4];
    for (int64_t gate = 0; gate < 4; ++gate) {
        sums[gate] = gates[gate * size + i] + made.product(state, item, gate * size + i);
    }
    double& cell = memory[item * size + i];
    cell = sigmoid(sums[1]) * cell + sigmoid(sums[0]) * std::tanh(sums[2]);
    return sigmoid(sums[3]) * std::tanh(cell);
}

double gru(const Case& made, const float* gates, int64_t item, int64_t i, std::vector<double>& state,
           std::vector<double>&) {
    const int64_t size = made.shape.size;
    double inner[3];
    for (int64_t gate = 0; gate < 3; ++gate) {
        inner[gate] = made.bias[gate * size + i] + made.product(state, item, gate * size + i);
    }
    const double reset = sigmoid(gates[i] + inner[0]);
    const double keep = sigmoid(gates[size + i] + inner[1]);
    const double next = std::tanh(gates[2 * size + i] + reset * inner[2]);
    return (state[item * size + i] - next) * keep + next;
}

double rnn(const Case& made, const float* gates, int64_t item, int64_t i, std::vector<double>& state,
           std::vector<double>&) {
    return gates[i] + made.product(state, item, i);
}

std::vector<const RecurrentKernels*> variants() {
    std::vector<const RecurrentKernels*> found = {&baseline()};
#if defined(KERNELS_FOR_X86_64)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        found.push_back(&avx2());
    }
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
        found.push_back(&avx512());
    }
#endif
    return found;
}

}  // namespace

TEST_CASE("recurrent kernels compute what a plain loop does") {
    for (const RecurrentKernels* kernels : variants()) {
        for (const bool reverse : {false, true}) {
            compare(*kernels, kernels->lstm, 4, reverse, lstm);
            compare(*kernels, kernels->gru, 3, reverse, gru);
            compare(*kernels, kernels->rnn_tanh, 1, reverse, [](auto&&... given) { return std::tanh(rnn(given...)); });
            compare(*kernels, kernels->rnn_relu, 1, reverse,
                    [](auto&&... given) { return std::max(0.0, rnn(given...)); });
        }
    }
}

TEST_CASE("large and undefined gates stay what torch makes of them") {
    for (const RecurrentKernels* kernels : variants()) {
        float gates[] = {1e30F, -1e30F, INFINITY, -INFINITY, NAN};
        std::vector<float> weight(kBlockColumns, 0.0F);
        std::vector<float> scratch(kItemsAtOnce * kBlockColumns);
        for (const float gate : gates) {
            float hidden = 0.0F;
            float output = -5.0F;
            RecurrentCall call;
            call.steps = call.batch = call.size = 1;
            call.gates = &gate;
            call.weight = weight.data();
            call.hidden = &hidden;
            call.output = &output;
            kernels->rnn_tanh(call, {0, 1, scratch.data()});
            CAPTURE(kernels->instruction_set);
            CAPTURE(gate);
            if (std::isnan(gate)) {
                CHECK(std::isnan(output));
            } else {
                CHECK(output == doctest::Approx(std::tanh(gate)));
            }
        }
    }
}
