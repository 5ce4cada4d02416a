#include "core/runtime/hooks.h"

#include <executorch/runtime/platform/platform.h>
#include <executorch/runtime/platform/runtime.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>

#include "core/captured_log.h"
#include "core/platform/file.h"
#include "core/runtime/guarded.h"
#include "core/runtime/ticks.h"

namespace godot_executorch {
namespace {

constexpr auto kThreadPoolGrace = std::chrono::milliseconds(50);

std::atomic<int> level{static_cast<int>(LogLevel::Error)};
std::atomic<LogSink> log_sink{nullptr};
std::atomic<int> clock_readers{0};
thread_local int64_t last_time = 0;

void emit_log(et_timestamp_t, et_pal_log_level_t pal_level, const char* filename, const char*, size_t line,
              const char* message, size_t) {
    // A file of packed weights that cannot be opened or locked is expected too: then they are on the heap.
    if (std::strstr(message, kNoFileFolder) != nullptr || std::strstr(message, kPackedSuffix) != nullptr ||
        std::strstr(message, kUnfinishedSuffix) != nullptr) {
        return;
    }
    LogLevel severity = LogLevel::Debug;
    if (pal_level == kError || pal_level == kFatal) {
        severity = LogLevel::Error;
    } else if (pal_level == kInfo) {
        severity = LogLevel::Info;
    }
    const bool capture = severity == LogLevel::Error && FatalCheckGuard::is_active();
    if (capture) {
        capture_log(message);
    }
    // What is captured reaches the user inside an error; it is printed as well only when more was asked for.
    const int needed = capture ? static_cast<int>(LogLevel::Info) : static_cast<int>(severity);
    const LogSink sink = log_sink.load();
    if (sink != nullptr && level.load() >= needed) {
        const std::string text = std::string(message) + " (" + filename + ":" + std::to_string(line) + ")";
        sink(severity, text.c_str());
    }
}

et_timestamp_t current_ticks() {
    if (clock_readers.load(std::memory_order_relaxed) == 0) {
        return 0;
    }
    last_time =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
            .count();
    return static_cast<et_timestamp_t>(last_time);
}

et_tick_ratio_t nanoseconds_per_tick() {
    return {1, 1};
}

void abort_by_exception() {
    if (FatalCheckGuard::is_active()) {
        // Threads of the thread pool may use data on this thread's stack, which is about to be unwound.
        std::this_thread::sleep_for(kThreadPoolGrace);
        throw FatalCheckError();
    }
    std::abort();
}

}  // namespace

void install_hooks(LogSink sink) {
    static std::once_flag once;
    std::call_once(once, [] {
        namespace runtime = executorch::runtime;
        start_tick_clock();
        runtime::register_pal(runtime::PalImpl::create(nullptr, abort_by_exception, current_ticks, nanoseconds_per_tick,
                                                       emit_log, nullptr, nullptr, __FILE__));
        runtime::runtime_init();
    });
    log_sink = sink;
}

void set_log_level(LogLevel new_level) {
    level = static_cast<int>(new_level);
}

LogLevel log_level() {
    return static_cast<LogLevel>(level.load());
}

int64_t last_runtime_time() {
    return last_time;
}

RuntimeClock::RuntimeClock() {
    ++clock_readers;
}

RuntimeClock::~RuntimeClock() {
    --clock_readers;
}

}  // namespace godot_executorch
