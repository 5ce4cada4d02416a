#include <doctest/doctest.h>
#include <executorch/extension/threadpool/threadpool_guard.h>
#include <executorch/runtime/kernel/thread_parallel_interface.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "core/runtime/guarded.h"
#include "core/runtime/thread_pool.h"
#include "core/runtime/thread_pool_gate.h"
#include "core/trial/child_trial.h"
#include "models.h"

using namespace godot_executorch;
using namespace godot_executorch::testing;

namespace {

/// A loop over the pool in which a fatal check fails: in the thread that called, in another one, or in none.
enum class Fails { Nowhere, InCaller, InWorker };

constexpr int64_t kElements = 64;
// Outlive a loop that a fatal check left.
std::atomic<bool> caller_arrived{false};
std::atomic<int64_t> done_by_workers{0};

template <typename Condition>
void wait_until(Condition condition) {
    while (!condition()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

/// On a busy machine one thread may do all of a loop, so each waits for the one that is to fail. The caller fails last:
/// a worker must not go on with what lies on the caller's stack.
void do_part(Fails fails, bool is_caller, int64_t elements_elsewhere) {
    if (fails == Fails::InWorker) {
        ET_CHECK_MSG(is_caller, "fails in a worker");
        wait_until([] { return false; });
    } else if (fails == Fails::InCaller && is_caller) {
        caller_arrived = true;
        wait_until([&] { return done_by_workers >= elements_elsewhere; });
        ET_CHECK_MSG(false, "fails in the caller");
    } else if (fails == Fails::InCaller) {
        wait_until([] { return caller_arrived.load(); });
        done_by_workers += kElements - elements_elsewhere;
    }
}

Status loop_on_pool(Fails fails, int threads = 2) {
    const auto caller = std::this_thread::get_id();
    caller_arrived = false;
    done_by_workers = 0;
    return guarded("testing", [&]() -> Status {
        executorch::extension::parallel_for(0, kElements, 1, [&](int64_t begin, int64_t end) {
            const int64_t elsewhere = threads > 1 ? kElements - (end - begin) : 0;
            do_part(fails, std::this_thread::get_id() == caller, elsewhere);
        });
        return {};
    });
}

/// In a child: the pool's threads do not come along in a fork, so it makes its own.
template <typename Work>
ChildResult with_pool(Work work) {
    return run_in_child(60, [&] {
        Status status = set_thread_count(1);
        status = status.ok() ? set_thread_count(2) : std::move(status);
        return status.ok() ? work() : std::move(status);
    });
}

}  // namespace

TEST_CASE("after a fatal check in a loop of the pool, the pool works again") {
    CHECK(with_pool([] { return loop_on_pool(Fails::Nowhere); }).end == ChildEnd::Ran);
    const ChildResult failed = with_pool([] { return loop_on_pool(Fails::InCaller); });
    CHECK(failed.end == ChildEnd::Answered);
    CHECK(failed.detail.find("fails in the caller") != std::string::npos);
    const ChildResult again = with_pool([] {
        return loop_on_pool(Fails::InCaller).ok() ? Status(Code::NotLoaded, "it did not fail")
                                                  : loop_on_pool(Fails::Nowhere);
    });
    CHECK(again.end == ChildEnd::Ran);
}

TEST_CASE("two threads may pause each other inside their own uses of the pool") {
    const ChildResult both = run_in_child(60, [] {
        std::vector<std::thread> threads;
        for (int t = 0; t < 2; ++t) {
            threads.emplace_back([] {
                for (int i = 0; i < 200; ++i) {
                    const ThreadPoolUse use;
                    const ThreadPoolPause pause;
                }
            });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
        return Status();
    });
    CHECK(both.end == ChildEnd::Ran);
}

TEST_CASE("after a fatal check in a call, those who wait for that model or its memory pool go on") {
    for (const bool same_model : {true, false}) {
        CAPTURE(same_model);
        const ChildResult result = with_pool([&] {
            const auto memory = std::make_shared<MemoryPool>();
            Session first;
            Session second;
            for (Session* model : {&first, &second}) {
                Status status = model->configure_memory(MemoryPolicy::Custom, 0);
                status = status.ok() ? model->set_memory_pool(memory) : std::move(status);
                status = status.ok() ? model->load_from_file(model_path("linear_portable.pte")) : std::move(status);
                status = status.ok() ? model->load_method("forward") : std::move(status);
                if (!status.ok()) {
                    return status;
                }
            }
            std::atomic<bool> is_inside{false};
            std::vector<float> output;
            std::thread other([&] {
                while (!is_inside) {
                    std::this_thread::yield();
                }
                output = run(same_model ? first : second, floats({1}, {1, 1}));
            });
            {
                Call call(first);
                Status status = call.begin_forward();
                is_inside = true;
                std::this_thread::sleep_for(std::chrono::milliseconds(100));
                if (status.ok() && loop_on_pool(Fails::InCaller).ok()) {
                    status = Status(Code::NotLoaded, "it did not fail");
                }
            }
            other.join();
            return output == std::vector<float>{5} ? Status() : Status(Code::NotLoaded, "it gave something else");
        });
        CAPTURE(result.detail);
        CHECK(result.end == ChildEnd::Ran);
    }
}

// What cannot be avoided (docs/integrity.md); with one thread it can.
TEST_CASE("a fatal check in another thread of the pool ends the process, and on one thread it is an error") {
    CHECK(with_pool([] { return loop_on_pool(Fails::InWorker); }).end == ChildEnd::Crashed);
    const ChildResult serial = with_pool([] {
        const executorch::extension::threadpool::NoThreadPoolGuard one_thread;
        return loop_on_pool(Fails::InCaller, 1);
    });
    CHECK(serial.end == ChildEnd::Answered);
}
