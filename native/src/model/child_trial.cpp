#include "model/child_trial.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "model/platform.h"
#include "model/pool_gate.h"

namespace godot_executorch {
namespace {

constexpr int kRefused = 10;
constexpr char kSeparator = '\1';
constexpr auto kGrace = std::chrono::seconds(2);  // after the child's own alarm

[[noreturn]] void work_here(int seconds, const std::function<Status()>& work, int answer) {
    // The parent's crash handler would print a report and its sink would print logs.
    for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM}) {
        ::signal(number, SIG_DFL);
    }
    const rlimit no_core = {0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    const int nothing = ::open("/dev/null", O_WRONLY);
    ::dup2(nothing, STDOUT_FILENO);
    ::dup2(nothing, STDERR_FILENO);
    ::alarm(static_cast<unsigned>(seconds));
    install_platform(nullptr);
    const Status status = work();
    if (!status.ok()) {
        const Failure& failure = status.failure();
        const std::string text =
            std::to_string(failure.code) + kSeparator + failure.cause + kSeparator + failure.remedy;
        const ssize_t ignored = ::write(answer, text.data(), text.size());
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

ChildResult refused(const std::string& text) {
    ChildResult result{ChildEnd::Refused, text, static_cast<int>(Code::StructureInvalid), {}};
    const size_t cause = text.find(kSeparator);
    const size_t remedy = text.rfind(kSeparator);
    if (cause != remedy) {
        result.code = std::atoi(text.c_str());
        result.detail = text.substr(cause + 1, remedy - cause - 1);
        result.remedy = text.substr(remedy + 1);
    }
    return result;
}

/// Waits for the child, which is killed when it outlives its own alarm. False when somebody else has waited for it.
bool wait_for(pid_t child, int seconds, int& ended) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds) + kGrace;
    while (true) {
        const pid_t found = ::waitpid(child, &ended, WNOHANG);
        if (found == child) {
            return true;
        }
        if (found < 0 && errno != EINTR) {
            return false;
        }
        if (std::chrono::steady_clock::now() > deadline) {
            ::kill(child, SIGKILL);
            return ::waitpid(child, &ended, 0) == child;
        }
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
}

pid_t fork_alone() {
    const PoolPause pause;
    return ::fork();
}

}  // namespace

ChildResult run_in_child(int seconds, const std::function<Status()>& work) {
    int pipe_ends[2] = {-1, -1};
    if (::pipe2(pipe_ends, O_CLOEXEC) != 0) {
        return {ChildEnd::NotStarted, std::strerror(errno), 0, {}};
    }
    const pid_t child = fork_alone();
    if (child == 0) {
        ::close(pipe_ends[0]);
        work_here(seconds, work, pipe_ends[1]);
    }
    const int fork_error = errno;
    ::close(pipe_ends[1]);
    int ended = 0;
    const bool is_known = child > 0 && wait_for(child, seconds, ended);
    const std::string text = is_known ? read_all(pipe_ends[0]) : std::string();
    ::close(pipe_ends[0]);
    if (child < 0) {
        return {ChildEnd::NotStarted, std::strerror(fork_error), 0, {}};
    }
    if (!is_known) {
        return {ChildEnd::NotStarted, "the process's end is hidden from us", 0, {}};
    }
    if (WIFEXITED(ended)) {
        return WEXITSTATUS(ended) == 0 ? ChildResult() : refused(text);
    }
    const int number = WTERMSIG(ended);
    if (number == SIGALRM || number == SIGKILL) {
        return {ChildEnd::TookTooLong, {}, 0, {}};
    }
    return {ChildEnd::Crashed, ::strsignal(number), 0, {}};
}

}  // namespace godot_executorch
