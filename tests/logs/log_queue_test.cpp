#include "logs/log_queue.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>

namespace carillon::logs {
namespace {

using namespace std::chrono_literals;

struct pipe_ends {
    pipe_ends() {
        std::array<int, 2> both{};
        EXPECT_EQ(::pipe2(both.data(), O_CLOEXEC), 0);
        reader = both[0];
        writer = both[1];
    }
    ~pipe_ends() {
        forget();
        ::close(writer);
    }
    void forget() {
        if (reader >= 0) ::close(std::exchange(reader, -1));
    }
    /// Fills the pipe, so that the next write() waits for a reader. Returns how many bytes that took.
    std::size_t fill() const {
        // The flag is the open file's, so this is another one.
        const int file = ::open(("/proc/self/fd/" + std::to_string(writer)).c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        std::size_t written = 0;
        while (::write(file, ".", 1) == 1) ++written;
        ::close(file);
        return written;
    }
    std::string read(std::size_t count) const {
        std::string text(count, '\0');
        for (std::size_t done = 0; done < count;) {
            const ssize_t some = ::read(reader, text.data() + done, count - done);
            if (some <= 0) return text.substr(0, done);
            done += static_cast<std::size_t>(some);
        }
        return text;
    }

    int reader = -1, writer = -1;
};

TEST(log_queue, lines_are_written_in_order) {
    const pipe_ends pipe;
    log_queue lines{pipe.writer, 4096};
    std::string expected;
    for (int i = 0; i < 100; ++i) {
        const std::string line = std::to_string(i) + "\n";
        expected += line;
        EXPECT_TRUE(lines.push(line));
    }
    EXPECT_TRUE(lines.finish(1h));
    EXPECT_EQ(pipe.read(expected.size()), expected);
    EXPECT_EQ(lines.dropped(), 0u);
}

TEST(log_queue, who_has_something_to_say_does_not_wait_for_a_reader) {
    const pipe_ends pipe;
    const std::size_t filled = pipe.fill();
    log_queue lines{pipe.writer, 100};
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(lines.push("nine bytes")) << i; // all that there is room for
    EXPECT_FALSE(lines.push("x"));
    EXPECT_FALSE(lines.push("y"));
    EXPECT_EQ(lines.dropped(), 2u);
    EXPECT_FALSE(lines.finish(1ms));
    pipe.read(filled);
    EXPECT_TRUE(lines.finish(1h));
    EXPECT_EQ(pipe.read(20), "nine bytesnine bytes");
    EXPECT_TRUE(lines.push("z"));
    EXPECT_TRUE(lines.finish(1h));
    EXPECT_EQ(lines.dropped(), 2u);
}

TEST(log_queue, a_line_longer_than_the_queue_is_dropped) {
    const pipe_ends pipe;
    log_queue lines{pipe.writer, 10};
    EXPECT_FALSE(lines.push("eleven bytes"));
    EXPECT_TRUE(lines.push("ten bytes!"));
    EXPECT_TRUE(lines.finish(1h));
    EXPECT_EQ(lines.dropped(), 1u);
}

TEST(log_queue, a_pipe_that_somebody_made_non_blocking_is_waited_for) {
    const pipe_ends pipe;
    const std::size_t filled = pipe.fill();
    ASSERT_EQ(::fcntl(pipe.writer, F_SETFL, O_NONBLOCK), 0);
    log_queue lines{pipe.writer, 4096};
    EXPECT_TRUE(lines.push("later\n"));
    pipe.read(filled);
    EXPECT_EQ(pipe.read(6), "later\n");
    EXPECT_TRUE(lines.finish(1h));
    EXPECT_EQ(lines.dropped(), 0u);
}

TEST(log_queue, lines_for_a_reader_who_has_ended_are_counted) {
    std::signal(SIGPIPE, SIG_IGN);
    pipe_ends pipe;
    pipe.forget();
    log_queue lines{pipe.writer, 4096};
    EXPECT_TRUE(lines.push("a"));
    EXPECT_TRUE(lines.push("b"));
    EXPECT_TRUE(lines.finish(1h));
    EXPECT_EQ(lines.dropped(), 2u);
}

TEST(log_queue, ends_though_its_thread_waits_for_a_reader) {
    const pipe_ends pipe;
    const std::size_t filled = pipe.fill();
    const std::string line = "nobody reads this";
    {
        log_queue lines{pipe.writer, 4096};
        EXPECT_TRUE(lines.push(line));
    }
    EXPECT_EQ(pipe.read(filled + line.size()).substr(filled), line); // which outlives the queue
}

TEST(log_queue, many_threads_may_push) {
    const pipe_ends pipe;
    log_queue lines{pipe.writer, 1 << 20};
    {
        std::array<std::jthread, 4> pushers;
        for (std::jthread& each : pushers) {
            each = std::jthread{[&lines] {
                for (int i = 0; i < 500; ++i) EXPECT_TRUE(lines.push("line\n"));
            }};
        }
    }
    EXPECT_TRUE(lines.finish(1h));
    std::string expected;
    for (int i = 0; i < 2000; ++i) expected += "line\n";
    EXPECT_EQ(pipe.read(expected.size()), expected);
}

} // namespace
} // namespace carillon::logs
