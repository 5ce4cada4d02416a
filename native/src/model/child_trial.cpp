#include "model/child_trial.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "model/model.h"
#include "model/platform.h"

namespace godot_executorch {
namespace {

constexpr int kRefused = 10;

Status run_methods(Model& model) {
    for (const std::string& name : model.method_names()) {
        Call call(model);
        Status status = call.begin(name);
        if (!status.ok()) {
            return status;
        }
        size_t largest = 0;
        for (const ValueSpec& spec : call.signature().inputs) {
            largest = std::max(largest, spec.element_count * dtype_size(spec.dtype));
        }
        const std::vector<uint8_t> zeros(largest + 1);
        for (size_t i = 0; i < call.signature().inputs.size() && status.ok(); ++i) {
            const ValueSpec& spec = call.signature().inputs[i];
            if (!spec.is_tensor()) {
                return {};  // numbers are part of the program; there is nothing to try them with
            }
            status = call.method().set_tensor(i, spec.shape, zeros.data());
        }
        status = status.ok() ? call.execute() : std::move(status);
        if (!status.ok()) {
            return status;
        }
    }
    return {};
}

[[noreturn]] void try_here(const std::string& path, int seconds, int answer) {
    // The parent's crash handler would print a report and its sink would print logs.
    for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM}) {
        ::signal(number, SIG_DFL);
    }
    const rlimit no_core = {0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    ::alarm(static_cast<unsigned>(seconds));
    install_platform(nullptr);
    Model model;
    Status status = model.set_optimization_level(OptimizationLevel::None);
    status = status.ok() ? model.load_from_file(path, {false, {}, {}, {}}) : std::move(status);
    status = status.ok() ? run_methods(model) : std::move(status);
    if (!status.ok()) {
        const std::string& cause = status.failure().cause;
        const ssize_t ignored = ::write(answer, cause.data(), cause.size());
        ::_exit(ignored < 0 ? kRefused + 1 : kRefused);
    }
    ::_exit(0);
}

std::string read_all(int file) {
    std::string text;
    char buffer[512];
    for (ssize_t count = 0; (count = ::read(file, buffer, sizeof buffer)) > 0;) {
        text.append(buffer, static_cast<size_t>(count));
    }
    return text;
}

}  // namespace

Status try_in_child(const std::string& path, int seconds) {
    int pipe_ends[2] = {-1, -1};
    if (::pipe(pipe_ends) != 0) {
        return Status(Code::FileUnreadable, std::string("cannot start a trial: ") + std::strerror(errno));
    }
    const pid_t child = ::fork();
    if (child == 0) {
        ::close(pipe_ends[0]);
        try_here(path, seconds, pipe_ends[1]);
    }
    ::close(pipe_ends[1]);
    if (child < 0) {
        ::close(pipe_ends[0]);
        return Status(Code::FileUnreadable, std::string("cannot start a trial: ") + std::strerror(errno));
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds + 2);
    int ended = 0;
    while (::waitpid(child, &ended, WNOHANG) == 0) {
        if (std::chrono::steady_clock::now() > deadline) {
            ::kill(child, SIGKILL);
            ::waitpid(child, &ended, 0);
            break;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    const std::string text = read_all(pipe_ends[0]);
    ::close(pipe_ends[0]);
    if (WIFEXITED(ended) && WEXITSTATUS(ended) == 0) {
        return {};
    }
    if (WIFEXITED(ended)) {
        return Status(Code::StructureInvalid, "it does not run in a trial: " + text);
    }
    const int number = WTERMSIG(ended);
    if (number == SIGALRM || number == SIGKILL) {
        return Status(Code::StructureInvalid, "it did not end within " + std::to_string(seconds) + " s in a trial");
    }
    return Status(Code::StructureInvalid, std::string("it crashed in a trial (") + ::strsignal(number) + ")");
}

}  // namespace godot_executorch
