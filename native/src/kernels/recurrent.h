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

    float* scratch = nullptr;  // scratch_floats() of them
};

/// How many floats of scratch memory a layer with so many gate columns needs.
constexpr int64_t scratch_floats(int64_t columns) {
    return (columns + kBlockColumns - 1) / kBlockColumns * kBlockColumns;
}

/// The kernels of one instruction set.
struct RecurrentKernels {
    const char* instruction_set;
    void (*lstm)(const RecurrentCall& call);  // gates i, f, g, o as in torch.nn.LSTM
    void (*gru)(const RecurrentCall& call);   // gates r, z, n as in torch.nn.GRU
    void (*rnn_tanh)(const RecurrentCall& call);
    void (*rnn_relu)(const RecurrentCall& call);
};

/// The fastest kernels that this processor can run.
const RecurrentKernels& recurrent_kernels();

}  // namespace godot_executorch::kernels
