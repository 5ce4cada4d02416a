#include <doctest/doctest.h>
#include <executorch/extension/threadpool/threadpool_guard.h>
#include <executorch/runtime/kernel/thread_parallel_interface.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "model/child_trial.h"
#include "model/pool_gate.h"
#include "model/runtime_info.h"
#include "models.h"

using namespace godot_executorch;
using namespace godot_executorch::testing;

namespace {

/// A loop over the pool in which a fatal check fails: in the thread that called, in another one, or in none.
enum class Fails { Nowhere, InCaller, InWorker };

Status loop_on_pool(Fails fails) {
    const auto caller = std::this_thread::get_id();
    return guarded("testing", [&]() -> Status {
        executorch::extension::parallel_for(0, 64, 1, [&](int64_t, int64_t) {
            const bool is_caller = std::this_thread::get_id() == caller;
            ET_CHECK_MSG(fails != Fails::InCaller || !is_caller, "fails in the caller");
            ET_CHECK_MSG(fails != Fails::InWorker || is_caller, "fails in a worker");
            // On a busy machine the caller would do the other thread's part as well.
            std::this_thread::sleep_for(fails == Fails::InWorker ? std::chrono::seconds(4) : std::chrono::seconds(0));
        });
        return {};
    });
}

/// In a child: the pool's threads do not come along in a fork, so it makes its own.
template <typename Work>
ChildResult with_pool(Work work) {
    return run_in_child(5, [&] {
        Status status = set_thread_count(1);
        status = status.ok() ? set_thread_count(2) : std::move(status);
        return status.ok() ? work() : std::move(status);
    });
}

}  // namespace

TEST_CASE("after a fatal check in a loop of the pool, the pool works again") {
    CHECK(with_pool([] { return loop_on_pool(Fails::Nowhere); }).end == ChildEnd::Ran);
    const ChildResult failed = with_pool([] { return loop_on_pool(Fails::InCaller); });
    CHECK(failed.end == ChildEnd::Refused);
    CHECK(failed.detail.find("fails in the caller") != std::string::npos);
    const ChildResult again = with_pool([] {
        return loop_on_pool(Fails::InCaller).ok() ? Status(Code::NotLoaded, "it did not fail")
                                                  : loop_on_pool(Fails::Nowhere);
    });
    CHECK(again.end == ChildEnd::Ran);
}

TEST_CASE("two threads may pause each other inside their own uses of the pool") {
    const ChildResult both = run_in_child(20, [] {
        std::vector<std::thread> threads;
        for (int t = 0; t < 2; ++t) {
            threads.emplace_back([] {
                for (int i = 0; i < 200; ++i) {
                    const PoolUse use;
                    const PoolPause pause;
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
            Model first;
            Model second;
            for (Model* model : {&first, &second}) {
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
                // The other thread of the pool may take all of a loop.
                while (status.ok() && loop_on_pool(Fails::InCaller).ok()) {
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
        return loop_on_pool(Fails::InCaller);
    });
    CHECK(serial.end == ChildEnd::Refused);
}
