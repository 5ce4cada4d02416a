// The recurrent kernels, compiled once for each instruction set: CMake defines VARIANT and the compiler's flags.

#include "recurrent.h"
#include "vector_math.h"

namespace {

using godot_executorch::kernels::kBlockColumns;
using godot_executorch::kernels::RecurrentCall;
using godot_executorch::kernels::RecurrentKernels;

constexpr int kVectors = kBlockColumns / kLanes;

/// columns[] = start[] + state[size] times the packed weight; `start` may be null for zeros and has `count` floats.
void hidden_product(const RecurrentCall& call, const float* state, const float* start, int64_t count, float* columns) {
    const float* weight = call.weight;
    for (int64_t first = 0; first < count; first += kBlockColumns) {
        Floats sums[kVectors];
        if (start != nullptr && first + kBlockColumns <= count) {
            for (int v = 0; v < kVectors; ++v) {
                sums[v] = load(start + first + v * kLanes);
            }
        } else {
            float padded[kBlockColumns] = {};
            if (start != nullptr) {
                std::memcpy(padded, start + first, (count - first) * sizeof(float));
            }
            for (int v = 0; v < kVectors; ++v) {
                sums[v] = load(padded + v * kLanes);
            }
        }
        for (int64_t k = 0; k < call.size; ++k) {
            const Floats factor = all(state[k]);
#pragma GCC unroll 16
            for (int v = 0; v < kVectors; ++v) {
                sums[v] += factor * load(weight + v * kLanes);
            }
            weight += kBlockColumns;
        }
        for (int v = 0; v < kVectors; ++v) {
            store(columns + first + v * kLanes, sums[v]);
        }
    }
}

inline Floats load_some(const float* source, int64_t count) {
    Floats value{};
    std::memcpy(&value, source, count * sizeof(float));
    return value;
}

/// Runs `cell(load, store, index)` for each vector of the state, the last of which may be partial.
template <typename Cell>
void update(int64_t size, Cell cell) {
    int64_t index = 0;
    for (; index + kLanes <= size; index += kLanes) {
        cell([](const float* s) { return load(s); }, [](float* t, Floats v) { store(t, v); }, index);
    }
    if (const int64_t count = size - index; count > 0) {
        cell([count](const float* s) { return load_some(s, count); },
             [count](float* t, Floats v) { std::memcpy(t, &v, count * sizeof(float)); }, index);
    }
}

/// Calls step(gates, hidden, item, output) for every step and item in the direction of the call.
template <typename Step>
void over_steps(const RecurrentCall& call, Step step) {
    for (int64_t number = 0; number < call.steps; ++number) {
        const int64_t at = call.reverse ? call.steps - 1 - number : number;
        for (int64_t item = 0; item < call.batch; ++item) {
            step(call.gates + at * call.gates_step + item * call.gates_item, call.hidden + item * call.size, item,
                 call.output + at * call.output_step + item * call.output_item);
        }
    }
}

void lstm(const RecurrentCall& call) {
    const int64_t size = call.size;
    over_steps(call, [&](const float* gates, float* hidden, int64_t item, float* output) {
        float* columns = call.scratch;
        hidden_product(call, hidden, gates, 4 * size, columns);
        float* memory = call.cell + item * size;
        update(size, [&](auto get, auto put, int64_t i) {
            const Floats enter = sigmoid(get(columns + i));
            const Floats forget = sigmoid(get(columns + size + i));
            const Floats next = hyperbolic_tangent(get(columns + 2 * size + i));
            const Floats cell = forget * get(memory + i) + enter * next;
            const Floats state = sigmoid(get(columns + 3 * size + i)) * hyperbolic_tangent(cell);
            put(memory + i, cell);
            put(hidden + i, state);
            put(output + i, state);
        });
    });
}

void gru(const RecurrentCall& call) {
    const int64_t size = call.size;
    over_steps(call, [&](const float* gates, float* hidden, int64_t, float* output) {
        float* columns = call.scratch;
        hidden_product(call, hidden, call.bias, 3 * size, columns);
        update(size, [&](auto get, auto put, int64_t i) {
            const Floats reset = sigmoid(get(gates + i) + get(columns + i));
            const Floats keep = sigmoid(get(gates + size + i) + get(columns + size + i));
            const Floats next = hyperbolic_tangent(get(gates + 2 * size + i) + reset * get(columns + 2 * size + i));
            const Floats state = (get(hidden + i) - next) * keep + next;
            put(hidden + i, state);
            put(output + i, state);
        });
    });
}

template <typename Activation>
void rnn(const RecurrentCall& call, Activation activation) {
    over_steps(call, [&](const float* gates, float* hidden, int64_t, float* output) {
        float* columns = call.scratch;
        hidden_product(call, hidden, gates, call.size, columns);
        update(call.size, [&](auto get, auto put, int64_t i) {
            const Floats state = activation(get(columns + i));
            put(hidden + i, state);
            put(output + i, state);
        });
    });
}

void rnn_tanh(const RecurrentCall& call) {
    rnn(call, hyperbolic_tangent);
}

void rnn_relu(const RecurrentCall& call) {
    // NaN stays NaN, as in torch.
    rnn(call, [](Floats value) { return choose(value < 0.0F, Floats{}, value); });
}

}  // namespace

#define NAME_OF(text) #text
#define TEXT_OF(name) NAME_OF(name)

namespace godot_executorch::kernels {

const RecurrentKernels& VARIANT() {
    static constexpr RecurrentKernels kernels = {TEXT_OF(VARIANT), lstm, gru, rnn_tanh, rnn_relu};
    return kernels;
}

}  // namespace godot_executorch::kernels
