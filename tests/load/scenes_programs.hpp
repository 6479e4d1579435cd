#pragma once

#include "load/sockets.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <map>
#include <regex>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace carillon::load {

/// A program that was started, with pipes from its two outputs.
class started {
public:
    explicit started(const std::vector<std::string>& command) {
        int out[2], err[2];
        EXPECT_EQ(::pipe2(out, O_CLOEXEC), 0);
        EXPECT_EQ(::pipe2(err, O_CLOEXEC), 0);
        std::vector<char*> argv; // before fork(): there may be other threads
        for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
        argv.push_back(nullptr);
        process_ = ::fork();
        if (process_ == 0) {
            ::dup2(out[1], STDOUT_FILENO);
            ::dup2(err[1], STDERR_FILENO);
            ::execv(argv[0], argv.data());
            ::_exit(127);
        }
        out_ = descriptor{out[0]};
        err_ = descriptor{err[0]};
        descriptor{out[1]};
        descriptor{err[1]};
    }
    started(const started&) = delete;
    started& operator=(const started&) = delete;
    ~started() {
        if (process_ > 0) {
            ::kill(process_, SIGKILL);
            wait();
        }
    }

    pid_t process() const { return process_; }
    int out() const { return out_.number(); }
    int err() const { return err_.number(); }

    /// Its exit code; a signal is 128 and its number.
    int wait() {
        int status = 0;
        while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {}
        process_ = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

private:
    pid_t process_ = 0;
    descriptor out_, err_;
};

/// Reads until `found` says so of all that has been read, or the end.
template <class Found>
std::string read_until(int from, Found found) {
    std::string text;
    std::array<char, 4096> buffer;
    while (!found(text)) {
        const ssize_t count = ::read(from, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        text.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return text;
}

inline std::string read_all(int from) {
    return read_until(from, [](const std::string&) { return false; });
}

/// A gateway with ports of its own, ready.
class gateway_process {
public:
    explicit gateway_process(const std::vector<std::string>& flags = {}) : program_{command(flags)} {
        const std::string log =
            read_until(program_.err(), [](const std::string& text) { return text.find(" is ready") != text.npos; });
        static const std::regex door{R"(listening on \S+:(\d+) \((\w+)\))"};
        for (std::sregex_iterator at{log.begin(), log.end(), door}, end; at != end; ++at) ports_[(*at)[2]] = (*at)[1];
        EXPECT_TRUE(ports_.contains("client") && ports_.contains("bus")) << log;
    }

    std::string url() const { return "ws://127.0.0.1:" + ports_.at("client") + "/connection/websocket"; }
    std::string bus() const { return "redis://127.0.0.1:" + ports_.at("bus"); }
    std::string pid() const { return std::to_string(program_.process()); }
    void signal(int number) const { ::kill(program_.process(), number); }

private:
    static std::vector<std::string> command(const std::vector<std::string>& flags) {
        std::vector<std::string> all{CARILLON_PROGRAM,
                                     "--dev",
                                     "--shards=1",
                                     "--client-listen=127.0.0.1:0",
                                     "--control-listen=127.0.0.1:0",
                                     "--bus-listen=127.0.0.1:0"};
        all.insert(all.end(), flags.begin(), flags.end());
        return all;
    }

    started program_;
    std::map<std::string, std::string> ports_;
};

/// What carillon-bench said and how it ended.
struct bench_run {
    std::string out, err;
    int exit_code = -1;
};

inline bench_run run_bench(std::vector<std::string> flags) {
    flags.insert(flags.begin(), CARILLON_BENCH_PROGRAM);
    started program{flags};
    bench_run run;
    run.out = read_all(program.out());
    run.err = read_all(program.err()); // a line or two: no pipe gets full
    run.exit_code = program.wait();
    return run;
}

} // namespace carillon::load
