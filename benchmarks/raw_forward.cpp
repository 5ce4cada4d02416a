// Module::forward of ExecuTorch's own C++ API, and the core under the Godot class, on the same file:
//   raw_forward FILE THREADS SECONDS module|core
// prints one JSON line: the fastest and the median batch in microseconds a call, load time, heap allocations a call and
// by how much the process grew. Inputs are filled with 0.5, integers with 1.

#include <executorch/extension/module/module.h>
#include <executorch/extension/tensor/tensor.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "../native/tests/allocation_counter.h"
#include "model/model.h"
#include "model/platform.h"
#include "model/runtime_info.h"

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

/// The memory that the process has now; 0 where the system does not say.
long resident_kb() {
    std::ifstream status("/proc/self/status");
    std::string word;
    long kilobytes = 0;
    while (status >> word) {
        if (word == "VmRSS:") {
            status >> kilobytes;
            break;
        }
    }
    return kilobytes;
}

template <typename Once>
void report(double seconds, double load_us, long before_kb, Once once) {
    double best = 0;
    double median = 0;
    measure(seconds, once, best, median);
    const double allocated = allocations(once);
    std::printf(
        "{\"load_us\": %.1f, \"best_us\": %.4f, \"median_us\": %.4f, \"allocations\": %.2f, \"grown_kb\": %ld}\n",
        load_us, best, median, allocated, resident_kb() - before_kb);
}

/// The elements of one input.
std::vector<uint8_t> filled(executorch::aten::ScalarType dtype, size_t bytes) {
    std::vector<uint8_t> data(bytes);
    if (dtype == executorch::aten::ScalarType::Float) {
        std::fill_n(reinterpret_cast<float*>(data.data()), bytes / sizeof(float), 0.5F);
    } else if (dtype == executorch::aten::ScalarType::Long) {
        std::fill_n(reinterpret_cast<int64_t*>(data.data()), bytes / sizeof(int64_t), 1);
    }
    return data;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        std::fprintf(stderr, "raw_forward FILE THREADS SECONDS module|core\n");
        return 2;
    }
    // Without it ExecuTorch has its own clock and logs, as any C++ program would.
    if (std::string(argv[4]) == "core") {
        install_platform(nullptr);
    }
    if (!set_thread_count(std::atoi(argv[2])).ok()) {
        fail("set_thread_count");
    }
    const double seconds = std::atof(argv[3]);
    const long before_kb = resident_kb();
    const auto start = Clock::now();
    if (std::string(argv[4]) == "module") {
        Module module(argv[1], Module::LoadMode::Mmap);
        if (module.load_forward() != executorch::runtime::Error::Ok) {
            fail("load_forward");
        }
        const double load_us = microseconds_since(start);
        const auto meta = module.method_meta("forward");
        std::vector<std::vector<uint8_t>> data;
        std::vector<executorch::extension::TensorPtr> tensors;
        for (size_t i = 0; i < meta->num_inputs(); ++i) {
            const auto info = meta->input_tensor_meta(i);
            const std::vector<executorch::aten::SizesType> sizes(info->sizes().begin(), info->sizes().end());
            data.push_back(filled(info->scalar_type(), info->nbytes()));
            tensors.push_back(executorch::extension::from_blob(data.back().data(), sizes, info->scalar_type()));
        }
        report(seconds, load_us, before_kb, [&] {
            const std::vector<executorch::runtime::EValue> inputs(tensors.begin(), tensors.end());
            const auto result = module.forward(inputs);
            if (!result.ok()) {
                fail("forward");
            }
        });
        return 0;
    }
    Model model;
    if (!model.load_from_file(argv[1]).ok() || !model.load_method("forward").ok()) {
        fail("load_from_file");
    }
    const double load_us = microseconds_since(start);
    MethodSignature signature;
    if (!model.method_signature("forward", signature).ok()) {
        fail("method_signature");
    }
    std::vector<std::vector<uint8_t>> data;
    for (const ValueSpec& input : signature.inputs) {
        data.push_back(filled(input.dtype, input.element_count * dtype_size(input.dtype)));
    }
    report(seconds, load_us, before_kb, [&] {
        Call call(model);
        Status status = call.begin_forward();
        for (size_t i = 0; status.ok() && i < data.size(); ++i) {
            status = call.method().set_tensor(i, signature.inputs[i].shape, data[i].data());
        }
        if (!status.ok() || !call.execute().ok()) {
            fail("execute");
        }
    });
    return 0;
}
