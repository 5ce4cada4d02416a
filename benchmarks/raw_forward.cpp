// Module::forward of ExecuTorch's own C++ API, and the core under the Godot class, on the same file:
//   raw_forward FILE THREADS SECONDS module|core [INPUTS]
// prints one JSON line: the fastest and the median batch in microseconds a call, load time, heap allocations a call and
// by how much the process grew. INPUTS is a folder with the elements of each input, input_0.bin and so on; without it
// floats are 0.5 and integers 1.

#include <executorch/extension/module/module.h>
#include <executorch/extension/tensor/tensor.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "../native/tests/support/allocation_counter.h"
#include "../native/tests/support/process_memory.h"
#include "core/runtime/hooks.h"
#include "core/runtime/thread_pool.h"
#include "core/session/session.h"

namespace {

using namespace godot_executorch;
using Clock = std::chrono::steady_clock;
using executorch::extension::Module;

double microseconds_since(Clock::time_point start) {
    return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

/// Calls `once` in batches of about 2 ms; the fastest and the median batch, per call.
template <typename Once>
void measure(double seconds, Once once, double& best, double& median) {
    const auto warm = Clock::now();
    int warm_calls = 0;
    while (microseconds_since(warm) < 100000 || warm_calls < 5) {
        once();
        ++warm_calls;
    }
    const double each = microseconds_since(warm) / warm_calls;
    const int batch = std::max(1, static_cast<int>(2000 / each));
    std::vector<double> batches;
    const auto start = Clock::now();
    while (microseconds_since(start) < seconds * 1e6 || batches.size() < 5) {
        const auto begun = Clock::now();
        for (int i = 0; i < batch; ++i) {
            once();
        }
        batches.push_back(microseconds_since(begun) / batch);
    }
    std::sort(batches.begin(), batches.end());
    best = batches.front();
    median = batches[batches.size() / 2];
}

void fail(const char* what) {
    std::fprintf(stderr, "%s failed\n", what);
    std::exit(1);
}

/// Allocations of twenty calls, by call.
template <typename Once>
double allocations(Once once) {
    testing::reset_allocation_count();
    for (int i = 0; i < 20; ++i) {
        once();
    }
    return static_cast<double>(testing::allocation_count()) / 20.0;
}

/// What a run starts from.
struct Start {
    double seconds = 0;
    size_t resident = testing::process_bytes("VmRSS");
    Clock::time_point time = Clock::now();
};

template <typename Once>
void report(const Start& start, double load_us, Once once) {
    double best = 0;
    double median = 0;
    measure(start.seconds, once, best, median);
    const double allocated = allocations(once);
    const auto grown = static_cast<long>(testing::process_bytes("VmRSS") - start.resident) / 1024;
    std::printf(
        "{\"load_us\": %.1f, \"best_us\": %.4f, \"median_us\": %.4f, \"allocations\": %.2f, \"grown_kb\": %ld}\n",
        load_us, best, median, allocated, grown);
}

/// The elements of one input, from its file when there is a folder.
std::vector<uint8_t> elements(const char* folder, size_t number, executorch::aten::ScalarType dtype, size_t bytes) {
    std::vector<uint8_t> data(bytes);
    if (folder != nullptr) {
        std::ifstream file(std::string(folder) + "/input_" + std::to_string(number) + ".bin", std::ios::binary);
        file.read(reinterpret_cast<char*>(data.data()), static_cast<std::streamsize>(bytes));
        if (!file || file.peek() != std::ifstream::traits_type::eof()) {
            fail("reading an input of the right size");
        }
    } else if (dtype == executorch::aten::ScalarType::Float) {
        std::fill_n(reinterpret_cast<float*>(data.data()), bytes / sizeof(float), 0.5F);
    } else if (dtype == executorch::aten::ScalarType::Long) {
        std::fill_n(reinterpret_cast<int64_t*>(data.data()), bytes / sizeof(int64_t), 1);
    }
    return data;
}

void run_module(const char* path, const char* inputs, const Start& start) {
    Module module(path, Module::LoadMode::Mmap);
    if (module.load_forward() != executorch::runtime::Error::Ok) {
        fail("load_forward");
    }
    const double load_us = microseconds_since(start.time);
    const auto meta = module.method_meta("forward");
    std::vector<std::vector<uint8_t>> data;
    std::vector<executorch::extension::TensorPtr> tensors;
    for (size_t i = 0; i < meta->num_inputs(); ++i) {
        const auto info = meta->input_tensor_meta(i);
        const std::vector<executorch::aten::SizesType> sizes(info->sizes().begin(), info->sizes().end());
        data.push_back(elements(inputs, i, info->scalar_type(), info->nbytes()));
        tensors.push_back(executorch::extension::from_blob(data.back().data(), sizes, info->scalar_type()));
    }
    report(start, load_us, [&] {
        const std::vector<executorch::runtime::EValue> given(tensors.begin(), tensors.end());
        const auto result = module.forward(given);
        if (!result.ok()) {
            fail("forward");
        }
    });
}

void run_core(const char* path, const char* inputs, const Start& start) {
    Session model;
    Status loaded = model.load_from_file(path);
    if (loaded.ok()) {
        loaded = model.load_method("forward");
    }
    if (!loaded.ok()) {
        fail(loaded.failure().cause.c_str());
    }
    const double load_us = microseconds_since(start.time);
    MethodSignature signature;
    if (!model.method_signature("forward", signature).ok()) {
        fail("method_signature");
    }
    std::vector<std::vector<uint8_t>> data;
    for (const ValueSpec& input : signature.inputs) {
        data.push_back(elements(inputs, data.size(), input.dtype, input.element_count * dtype_size(input.dtype)));
    }
    report(start, load_us, [&] {
        Call call(model);
        Status status = call.begin_forward();
        for (size_t i = 0; status.ok() && i < data.size(); ++i) {
            status = call.method().set_tensor(i, signature.inputs[i].shape, data[i].data());
        }
        if (!status.ok() || !call.execute().ok()) {
            fail("execute");
        }
    });
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5 && argc != 6) {
        std::fprintf(stderr, "raw_forward FILE THREADS SECONDS module|core [INPUTS]\n");
        return 2;
    }
    const bool is_core = std::string(argv[4]) == "core";
    // Without it ExecuTorch has its own clock and logs, as any C++ program would.
    if (is_core) {
        install_hooks(nullptr);
    }
    if (!set_thread_count(std::atoi(argv[2])).ok()) {
        fail("set_thread_count");
    }
    Start start;
    start.seconds = std::atof(argv[3]);
    (is_core ? run_core : run_module)(argv[1], argc == 6 ? argv[5] : nullptr, start);
    return 0;
}
