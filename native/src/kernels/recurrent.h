#pragma once

#include <cstdint>

namespace godot_executorch::kernels {

/// Columns of a weight matrix that lie together: `weight` below is [blocks][inputs][kBlockColumns], where `blocks` is
/// the number of gate columns divided by this, rounded up; the columns that are too many are zeros.
constexpr int64_t kBlockColumns = 64;

/// One direction of one recurrent layer over a whole sequence, float32.
struct RecurrentCall {
    int64_t steps = 0;
    int64_t batch = 0;
    int64_t size = 0;  // of the hidden state
    bool reverse = false;

    const float* gates = nullptr;  // the input's product, biases added: one row of gate columns for each step and item
    int64_t gates_step = 0;        // floats from one step's row to the next step's
    int64_t gates_item = 0;        // floats from one item's row to the next item's
    const float* weight = nullptr;
    const float* bias = nullptr;  // gru: of the hidden product, one for each gate column

    float* hidden = nullptr;  // [batch][size]: the first state, and in the end the last one
    float* cell = nullptr;    // lstm: likewise
    float* output = nullptr;
    int64_t output_step = 0;
    int64_t output_item = 0;

    /// Calls part(data, 0) to part(data, count - 1), on several threads.
    void (*over_threads)(int64_t count, void (*part)(void* data, int64_t number), void* data) = nullptr;
    int64_t threads_of_a_step = 1;  // which share the hidden product of one item
};

/// Items of a batch that one reading of the weight serves.
constexpr int64_t kItemsAtOnce = 4;

/// Gate columns with those that fill the last block.
constexpr int64_t padded_columns(int64_t columns) {
    return (columns + kBlockColumns - 1) / kBlockColumns * kBlockColumns;
}

/// Items of a batch, which do not depend on each other.
struct Items {
    int64_t first = 0;
    int64_t end = 0;
    float* scratch = nullptr;  // kItemsAtOnce * padded_columns() floats
};

/// The kernels of one instruction set.
struct RecurrentKernels {
    const char* instruction_set;
    void (*lstm)(const RecurrentCall& call, Items items);  // gates i, f, g, o as in torch.nn.LSTM
    void (*gru)(const RecurrentCall& call, Items items);   // gates r, z, n as in torch.nn.GRU
    void (*rnn_tanh)(const RecurrentCall& call, Items items);
    void (*rnn_relu)(const RecurrentCall& call, Items items);
};

/// The fastest kernels that this processor can run.
const RecurrentKernels& recurrent_kernels();

}  // namespace godot_executorch::kernels
