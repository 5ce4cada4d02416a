#include "core/platform/child_process.h"

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

#include "core/platform/posix/system_parts.h"

namespace godot_executorch {
namespace {

constexpr int kAnswered = 10;
constexpr auto kGrace = std::chrono::seconds(2);  // after the child's own alarm

std::string read_all(int file) {
    std::string text;
    char buffer[512];
    for (ssize_t count = 0; (count = ::read(file, buffer, sizeof buffer)) > 0;) {
        text.append(buffer, static_cast<size_t>(count));
    }
    return text;
}

/// A program that asks for more than half of the machine's memory fails, instead of taking it from the game.
void limit_memory() {
    char text[32] = {};
    const int file = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    const ssize_t length = file >= 0 ? ::read(file, text, sizeof text - 1) : 0;
    ::close(file);
    const auto mapped = length > 0 ? std::strtoull(text, nullptr, 10) : 0;
    const auto half = static_cast<unsigned long long>(::sysconf(_SC_PHYS_PAGES)) / 2;
    if (mapped > 0) {
        const rlim_t bytes = (mapped + half) * static_cast<unsigned long long>(::sysconf(_SC_PAGESIZE));
        const rlimit limit = {bytes, bytes};
        ::setrlimit(RLIMIT_AS, &limit);
    }
}

/// Waits for the child, which is killed when it outlives its own alarm. False when other code has waited for it.
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

}  // namespace

ChildProcess::ChildProcess() {
    int pipe_ends[2] = {-1, -1};
    if (!make_pipe(pipe_ends)) {
        not_started_ = std::strerror(errno);
        return;
    }
    process_ = ::fork();
    not_started_ = process_ < 0 ? std::strerror(errno) : "";
    ::close(pipe_ends[is_child() ? 0 : 1]);
    answer_ = pipe_ends[is_child() ? 1 : 0];
    if (!is_child()) {
        // Another child that is started at the same time may keep the other end open after this one has ended.
        ::fcntl(answer_, F_SETFL, O_NONBLOCK);
    }
}

ChildProcess::~ChildProcess() {
    if (answer_ >= 0) {
        ::close(answer_);
    }
}

void ChildProcess::work_and_end(int seconds, const std::function<std::string()>& work) {
    // The parent's crash handler would print a report.
    for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM}) {
        ::signal(number, SIG_DFL);
    }
    const rlimit no_core = {0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    limit_memory();
    const int nothing = ::open("/dev/null", O_WRONLY);
    ::dup2(nothing, STDOUT_FILENO);
    ::dup2(nothing, STDERR_FILENO);
    ::alarm(static_cast<unsigned>(seconds));
    const std::string text = work();
    if (text.empty()) {
        ::_exit(0);
    }
    const ssize_t written = ::write(answer_, text.data(), text.size());
    ::_exit(written < 0 ? kAnswered + 1 : kAnswered);
}

ChildReport ChildProcess::wait(int seconds) {
    if (process_ < 0) {
        return {ChildEnd::NotStarted, not_started_};
    }
    int ended = 0;
    if (!wait_for(process_, seconds, ended)) {
        return {ChildEnd::NotStarted, "another part of the program waited for the process"};
    }
    if (WIFEXITED(ended)) {
        return WEXITSTATUS(ended) == 0 ? ChildReport() : ChildReport{ChildEnd::Answered, read_all(answer_)};
    }
    const int number = WTERMSIG(ended);
    if (number == SIGALRM || number == SIGKILL) {
        return {ChildEnd::TookTooLong, {}};
    }
    return {ChildEnd::Crashed, ::strsignal(number)};
}

}  // namespace godot_executorch
