// The recurrent kernels, compiled once for each instruction set: CMake defines VARIANT and the compiler's flags.

#include "recurrent.h"
#include "vector_math.h"

namespace {

using namespace godot_executorch::kernels;

constexpr int kVectors = kBlockColumns / kLanes;

/// What the hidden product of some items starts from: one row of gate columns for each.
struct Starts {
    const float* first = nullptr;
    int64_t item = 0;  // floats from one item's row to the next item's
};

/// columns[] += state[size] times the packed weight, for columns from `first` to `end` of kItems rows of `stride`
/// columns. The sums fit into registers.
template <int kItems>
void add_products(const RecurrentCall& call, const float* states, int64_t first, int64_t end, int64_t stride,
                  float* columns) {
    constexpr int kAtOnce = kItems == 1 ? kVectors : (kLanes == 16 ? 4 : 2);
    for (; first < end; first += kAtOnce * kLanes) {
        const float* weight = call.weight + first / kBlockColumns * call.size * kBlockColumns + first % kBlockColumns;
        Floats sums[kItems][kAtOnce];
        for (int item = 0; item < kItems; ++item) {
            for (int v = 0; v < kAtOnce; ++v) {
                sums[item][v] = load(columns + item * stride + first + v * kLanes);
            }
        }
        for (int64_t k = 0; k < call.size; ++k) {
#pragma GCC unroll 4
            for (int item = 0; item < kItems; ++item) {
                const Floats factor = all(states[item * call.size + k]);
#pragma GCC unroll 16
                for (int v = 0; v < kAtOnce; ++v) {
                    sums[item][v] += factor * load(weight + v * kLanes);
                }
            }
            weight += kBlockColumns;
        }
        for (int item = 0; item < kItems; ++item) {
            for (int v = 0; v < kAtOnce; ++v) {
                store(columns + item * stride + first + v * kLanes, sums[item][v]);
            }
        }
    }
}

using AddProducts = void (*)(const RecurrentCall&, const float*, int64_t, int64_t, int64_t, float*);
constexpr AddProducts kAddProducts[kItemsAtOnce] = {add_products<1>, add_products<2>, add_products<3>, add_products<4>};

/// The hidden product of one item, whose blocks of columns threads share.
struct SharedProduct {
    const RecurrentCall& call;
    const float* state;
    int64_t stride;
    float* columns;

    static void part(void* data, int64_t number) {
        const auto& product = *static_cast<const SharedProduct*>(data);
        const int64_t blocks = product.stride / kBlockColumns;
        const int64_t threads = product.call.threads_of_a_step;
        add_products<1>(product.call, product.state, blocks * number / threads * kBlockColumns,
                        blocks * (number + 1) / threads * kBlockColumns, product.stride, product.columns);
    }
};

/// columns[] = start[] + state[size] times the packed weight, for up to kItemsAtOnce rows.
void hidden_products(const RecurrentCall& call, int64_t items, const float* states, Starts starts, int64_t count,
                     float* columns) {
    const int64_t stride = padded_columns(count);
    for (int64_t item = 0; item < items; ++item) {
        float* row = columns + item * stride;
        std::memcpy(row, starts.first + item * starts.item, count * sizeof(float));
        std::memset(row + count, 0, (stride - count) * sizeof(float));
    }
    if (items == 1 && call.threads_of_a_step > 1) {
        SharedProduct product{call, states, stride, columns};
        call.over_threads(call.threads_of_a_step, SharedProduct::part, &product);
    } else {
        kAddProducts[items - 1](call, states, 0, stride, stride, columns);
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

/// Calls step(columns, gates, item, output) for every step and item in the direction of the call. `columns` are the
/// hidden product and what it starts from: `bias`, or the gates where there is none.
template <typename Step>
void over_steps(const RecurrentCall& call, Items items, int64_t gate_count, const float* bias, Step step) {
    const int64_t count = gate_count * call.size;
    for (int64_t first = items.first; first < items.end; first += kItemsAtOnce) {
        const int64_t rows = items.end - first < kItemsAtOnce ? items.end - first : kItemsAtOnce;
        for (int64_t number = 0; number < call.steps; ++number) {
            const int64_t at = call.reverse ? call.steps - 1 - number : number;
            const float* gates = call.gates + at * call.gates_step + first * call.gates_item;
            const Starts starts = bias == nullptr ? Starts{gates, call.gates_item} : Starts{bias, 0};
            hidden_products(call, rows, call.hidden + first * call.size, starts, count, items.scratch);
            for (int64_t row = 0; row < rows; ++row) {
                step(items.scratch + row * padded_columns(count), gates + row * call.gates_item, first + row,
                     call.output + at * call.output_step + (first + row) * call.output_item);
            }
        }
    }
}

void lstm(const RecurrentCall& call, Items items) {
    const int64_t size = call.size;
    over_steps(call, items, 4, nullptr, [&](const float* columns, const float*, int64_t item, float* output) {
        float* hidden = call.hidden + item * size;
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

void gru(const RecurrentCall& call, Items items) {
    const int64_t size = call.size;
    over_steps(call, items, 3, call.bias, [&](const float* columns, const float* gates, int64_t item, float* output) {
        float* hidden = call.hidden + item * size;
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
void rnn(const RecurrentCall& call, Items items, Activation activation) {
    over_steps(call, items, 1, nullptr, [&](const float* columns, const float*, int64_t item, float* output) {
        float* hidden = call.hidden + item * call.size;
        update(call.size, [&](auto get, auto put, int64_t i) {
            const Floats state = activation(get(columns + i));
            put(hidden + i, state);
            put(output + i, state);
        });
    });
}

void rnn_tanh(const RecurrentCall& call, Items items) {
    rnn(call, items, hyperbolic_tangent);
}

void rnn_relu(const RecurrentCall& call, Items items) {
    // NaN stays NaN, as in torch.
    rnn(call, items, [](Floats value) { return choose(value < 0.0F, Floats{}, value); });
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
