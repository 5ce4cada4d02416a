// Module::forward of ExecuTorch's own C++ API, and the core under the Godot class, on the same file:
//   raw_forward FILE THREADS SECONDS module|core
// prints one JSON line with the median of batches in microseconds a call, load time and heap allocations a call.

#include <executorch/extension/module/module.h>
#include <executorch/extension/tensor/tensor.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
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

/// Allocations of a thousand calls, by call.
template <typename Once>
double allocations(Once once) {
    testing::reset_allocation_count();
    for (int i = 0; i < 1000; ++i) {
        once();
    }
    return static_cast<double>(testing::allocation_count()) / 1000.0;
}

template <typename Once>
void report(double seconds, double load_us, Once once) {
    double best = 0;
    double median = 0;
    measure(seconds, once, best, median);
    std::printf("{\"load_us\": %.1f, \"best_us\": %.4f, \"median_us\": %.4f, \"allocations\": %.2f}\n", load_us, best,
                median, allocations(once));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        std::fprintf(stderr, "raw_forward FILE THREADS SECONDS module|core\n");
        return 2;
    }
    install_platform(nullptr);
    if (!set_thread_count(std::atoi(argv[2])).ok()) {
        fail("set_thread_count");
    }
    const double seconds = std::atof(argv[3]);
    const auto start = Clock::now();
    if (std::string(argv[4]) == "module") {
        Module module(argv[1], Module::LoadMode::Mmap);
        if (module.load_forward() != executorch::runtime::Error::Ok) {
            fail("load_forward");
        }
        const double load_us = microseconds_since(start);
        const auto meta = module.method_meta("forward");
        const auto info = meta->input_tensor_meta(0);
        std::vector<float> input(info->nbytes() / sizeof(float), 0.5F);
        const std::vector<executorch::aten::SizesType> sizes(info->sizes().begin(), info->sizes().end());
        const auto tensor = executorch::extension::from_blob(input.data(), sizes);
        report(seconds, load_us, [&] {
            const auto result = module.forward(tensor);
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
    const std::vector<float> input(signature.inputs[0].element_count, 0.5F);
    report(seconds, load_us, [&] {
        Call call(model);
        if (!call.begin_forward().ok() || !call.method().set_tensor(0, signature.inputs[0].shape, input.data()).ok() ||
            !call.execute().ok()) {
            fail("execute");
        }
    });
    return 0;
}
