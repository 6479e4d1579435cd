#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace carillon::test {

/// A program that was started, with pipes from its two outputs.
class started {
public:
    /// `environment` is set beside what there is.
    explicit started(const std::vector<std::string>& command,
                     const std::vector<std::pair<std::string, std::string>>& environment = {}) {
        int out[2], err[2];
        EXPECT_EQ(::pipe2(out, O_CLOEXEC), 0);
        EXPECT_EQ(::pipe2(err, O_CLOEXEC), 0);
        std::vector<std::string> settings; // before fork(): there may be other threads
        for (const auto& [name, value] : environment) settings.push_back(name + "=" + value);
        for (char** each = ::environ; *each != nullptr; ++each) settings.emplace_back(*each);
        std::vector<char*> argv = pointers(command), envp = pointers(settings); // of two settings the first counts
        process_ = ::fork();
        if (process_ == 0) {
            ::dup2(out[1], STDOUT_FILENO);
            ::dup2(err[1], STDERR_FILENO);
            ::execve(argv[0], argv.data(), envp.data());
            ::_exit(127);
        }
        out_ = out[0];
        err_ = err[0];
        ::close(out[1]);
        ::close(err[1]);
    }
    started(const started&) = delete;
    started& operator=(const started&) = delete;
    ~started() {
        if (process_ > 0) {
            ::kill(process_, SIGKILL);
            wait();
        }
        ::close(out_);
        forget_errors();
    }

    pid_t process() const { return process_; }
    int out() const { return out_; }
    int err() const { return err_; }

    /// From now on nobody reads what it says on stderr.
    void forget_errors() {
        if (err_ >= 0) ::close(std::exchange(err_, -1));
    }

    /// Its exit code; a signal is 128 and its number.
    int wait() {
        int status = 0;
        while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {}
        process_ = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

private:
    static std::vector<char*> pointers(const std::vector<std::string>& words) {
        std::vector<char*> all;
        for (const std::string& word : words) all.push_back(const_cast<char*>(word.c_str()));
        all.push_back(nullptr);
        return all;
    }

    pid_t process_ = 0;
    int out_ = -1, err_ = -1;
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

/// What a gateway says on stderr until it is ready, or has ended.
inline std::string read_until_ready(int from) {
    return read_until(from, [](const std::string& text) { return text.find(" is ready") != text.npos; });
}

} // namespace carillon::test
