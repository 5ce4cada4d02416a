#include "core/trial/child_trial.h"

#include <cstdlib>
#include <memory>

#include "core/runtime/hooks.h"
#include "core/runtime/thread_pool_gate.h"

namespace godot_executorch {
namespace {

constexpr char kSeparator = '\1';

std::string to_answer(const Status& status) {
    if (status.ok()) {
        return {};
    }
    const Failure& failure = status.failure();
    return std::to_string(failure.code) + kSeparator + failure.cause + kSeparator + failure.remedy;
}

ChildResult from_answer(const std::string& text) {
    ChildResult result{ChildEnd::Answered, text, static_cast<int>(Code::StructureInvalid), {}};
    const size_t cause = text.find(kSeparator);
    const size_t remedy = text.rfind(kSeparator);
    if (cause != remedy) {
        result.code = std::atoi(text.c_str());
        result.detail = text.substr(cause + 1, remedy - cause - 1);
        result.remedy = text.substr(remedy + 1);
    }
    return result;
}

}  // namespace

ChildResult run_in_child(int seconds, const std::function<Status()>& work) {
    std::unique_ptr<ChildProcess> child;
    {
        const ThreadPoolPause pause;
        child = std::make_unique<ChildProcess>();
    }
    if (child->is_child()) {
        child->work_and_end(seconds, [&work] {
            forget_threads_of_parent();
            install_hooks(nullptr);  // the parent's sink would print the child's logs
            return to_answer(work());
        });
    }
    const ChildReport report = child->wait(seconds);
    return report.end == ChildEnd::Answered ? from_answer(report.detail)
                                            : ChildResult{report.end, report.detail, 0, {}};
}

}  // namespace godot_executorch
