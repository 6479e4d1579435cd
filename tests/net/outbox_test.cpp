#include "net/outbox.hpp"
#include "support/allocations.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace carillon::net {
namespace {

constexpr std::size_t no_limit = 1'000'000'000;
constexpr std::size_t overhead = outbox::piece_overhead_bytes;

shared_bytes frame(std::string_view text) { return std::make_shared<const std::string>(text); }

// What the kernel does at each call; all calls after the last step take everything.
struct step {
    std::size_t takes = 0;
    int error = 0;
};

struct kernel_script {
    std::deque<step> steps;
    std::string wire;
    std::size_t calls = 0;
    std::size_t pieces_seen_max = 0;

    static inline kernel_script* current = nullptr;
    kernel_script() { current = this; }
    explicit kernel_script(std::deque<step> script) : steps{std::move(script)} { current = this; }
    kernel_script(const kernel_script&) = delete;
    kernel_script& operator=(const kernel_script&) = delete;
    ~kernel_script() { current = nullptr; }

    io_result send_many(std::span<const iovec> pieces) {
        ++calls;
        pieces_seen_max = std::max(pieces_seen_max, pieces.size());
        step now{no_limit, 0};
        if (!steps.empty()) {
            now = steps.front();
            steps.pop_front();
        }
        if (now.error != 0) return {0, now.error};
        const std::size_t before = wire.size();
        for (const iovec& each : pieces) {
            EXPECT_GT(each.iov_len, 0u);
            const std::size_t part = std::min(each.iov_len, now.takes);
            wire.append(static_cast<const char*>(each.iov_base), part);
            now.takes -= part;
        }
        return {static_cast<long>(wire.size() - before), 0};
    }

    system_calls table() const {
        system_calls calls_made = kernel();
        calls_made.send_many = [](int, std::span<const iovec> pieces) { return current->send_many(pieces); };
        return calls_made;
    }
    io_result send(outbox& box) { return box.send(table(), 7); }
};

void push(outbox& box, std::string_view text, std::size_t offset = 0) {
    ASSERT_EQ(box.push(frame(text), offset, no_limit), push_result::queued);
}

TEST(outbox, all_is_sent_in_order_with_one_call) {
    outbox box;
    kernel_script script;
    EXPECT_TRUE(box.empty());
    push(box, "one");
    push(box, "two");
    push(box, "three");
    EXPECT_FALSE(box.empty());
    const io_result sent = script.send(box);
    EXPECT_EQ(sent.error, 0);
    EXPECT_EQ(sent.value, 11);
    EXPECT_EQ(script.wire, "onetwothree");
    EXPECT_EQ(script.calls, 1u);
    EXPECT_TRUE(box.empty());
    EXPECT_EQ(box.bytes(), 0u);
}

TEST(outbox, an_empty_outbox_does_not_trouble_the_kernel) {
    outbox box;
    kernel_script script;
    EXPECT_EQ(script.send(box).error, 0);
    EXPECT_EQ(script.calls, 0u);
}

TEST(outbox, only_what_follows_the_offset_is_sent) {
    outbox box;
    kernel_script script;
    push(box, "already gone, left", 14);
    EXPECT_EQ(box.bytes(), 4 + overhead);
    script.send(box);
    EXPECT_EQ(script.wire, "left");
}

TEST(outbox, the_bytes_may_be_split_anywhere_and_twice) {
    const std::string_view expected = "cdefghijklmno";
    for (std::size_t first = 0; first <= expected.size(); ++first) {
        for (std::size_t second = 0; first + second <= expected.size(); ++second) {
            outbox box;
            push(box, "abcde", 2);
            push(box, "f");
            push(box, "ghijk");
            push(box, "lmno");
            kernel_script script{{{first, 0}, {second, 0}}};
            io_result sent = script.send(box);
            ASSERT_EQ(sent.value, static_cast<long>(first));
            ASSERT_EQ(sent.would_block(), first < expected.size());
            sent = script.send(box);
            if (first < expected.size()) { ASSERT_EQ(sent.value, static_cast<long>(second)); }
            ASSERT_EQ(script.send(box).error, 0);
            ASSERT_EQ(script.wire, expected);
            ASSERT_TRUE(box.empty());
            ASSERT_EQ(box.bytes(), 0u);
        }
    }
}

TEST(outbox, a_kernel_that_takes_less_than_offered_is_not_asked_again) {
    outbox box;
    push(box, "hello");
    kernel_script script{{{4, 0}}};
    const io_result sent = script.send(box);
    EXPECT_TRUE(sent.would_block());
    EXPECT_EQ(sent.value, 4);
    EXPECT_EQ(script.calls, 1u);
}

TEST(outbox, what_waits_is_counted_byte_by_byte) {
    outbox box;
    push(box, "abc");
    push(box, "de");
    kernel_script script{{{2, 0}, {1, 0}, {1, 0}}};
    EXPECT_EQ(box.bytes(), 5 + 2 * overhead);
    script.send(box);
    EXPECT_EQ(box.bytes(), 3 + 2 * overhead);
    script.send(box);
    EXPECT_EQ(box.bytes(), 2 + overhead) << "the first piece has gone, and its overhead with it";
    script.send(box);
    EXPECT_EQ(box.bytes(), 1 + overhead);
    script.send(box);
    EXPECT_EQ(box.bytes(), 0u);
}

struct failure_case {
    const char* name;
    int error;
    bool would_block;
};
const failure_case failures[] = {{"a full buffer is to wait for", EAGAIN, true},
                                 {"an interruption is to try again", EINTR, true},
                                 {"a reset is the end", ECONNRESET, false},
                                 {"a closed pipe is the end", EPIPE, false}};

TEST(outbox, an_error_at_any_call_tells_what_was_sent_before_it) {
    for (const failure_case& each : failures) {
        for (std::size_t calls_before = 0; calls_before < 4; ++calls_before) {
            SCOPED_TRACE(each.name);
            outbox box;
            for (int i = 0; i < 256; ++i) push(box, "x"); // four calls' worth
            kernel_script script;
            script.steps.assign(calls_before, step{no_limit, 0});
            script.steps.push_back({0, each.error});
            const io_result sent = script.send(box);
            EXPECT_EQ(sent.error, each.error);
            EXPECT_EQ(sent.would_block(), each.would_block);
            EXPECT_EQ(sent.value, static_cast<long>(script.wire.size()));
            EXPECT_EQ(box.bytes(), (256 - script.wire.size()) * (1 + overhead));
            EXPECT_EQ(script.send(box).error, 0) << "nothing was lost or sent twice";
            EXPECT_EQ(script.wire, std::string(256, 'x'));
        }
    }
}

TEST(outbox, thousands_of_pieces_go_in_several_calls_of_bounded_size) {
    outbox box;
    std::string expected;
    for (int i = 0; i < 3000; ++i) {
        const std::string text = std::to_string(i) + ' ';
        expected += text;
        push(box, text);
    }
    kernel_script script;
    EXPECT_EQ(script.send(box).error, 0);
    EXPECT_EQ(script.wire, expected);
    EXPECT_LE(script.pieces_seen_max, 1024u) << "IOV_MAX";
    EXPECT_LT(script.calls, 300u);
}

TEST(outbox, the_limit_is_reached_exactly) {
    outbox box;
    EXPECT_EQ(box.push(frame("12345"), 0, 5 + overhead - 1), push_result::full);
    EXPECT_TRUE(box.empty());
    EXPECT_EQ(box.push(frame("12345"), 0, 5 + overhead), push_result::queued);
    EXPECT_EQ(box.push(frame("1"), 0, 6 + 2 * overhead - 1), push_result::full);
    EXPECT_EQ(box.bytes(), 5 + overhead);
    EXPECT_EQ(box.push(frame("1"), 0, 6 + 2 * overhead), push_result::queued);
    kernel_script script;
    script.send(box);
    EXPECT_EQ(script.wire, "123451");
}

TEST(outbox, tiny_pieces_reach_the_limit_by_their_number) {
    outbox box;
    std::size_t queued = 0;
    const auto tiny = frame("x");
    while (box.push(tiny, 0, 65'000) == push_result::queued) ++queued;
    EXPECT_EQ(queued, 1000u);
}

TEST(outbox, what_was_refused_is_not_kept) {
    outbox box;
    const auto refused = frame("large");
    ASSERT_EQ(box.push(refused, 0, 10), push_result::full);
    EXPECT_EQ(refused.use_count(), 1);
}

TEST(outbox, a_piece_is_let_go_as_soon_as_it_is_sent) {
    outbox box;
    std::vector<shared_bytes> frames;
    for (int i = 0; i < 5; ++i) {
        frames.push_back(frame("12345"));
        ASSERT_EQ(box.push(frames.back(), 0, no_limit), push_result::queued);
    }
    kernel_script script{{{5, 0}}};
    script.send(box);
    EXPECT_EQ(frames[0].use_count(), 1);
    for (int i = 1; i < 5; ++i) EXPECT_EQ(frames[static_cast<std::size_t>(i)].use_count(), 2);
}

struct forget_case {
    const char* name;
    std::size_t offset; // of the first piece
    std::size_t taken;  // by the kernel, before
    std::string_view rest;
};
const forget_case forgettings[] = {
    {"nothing of it was sent: all goes", 0, 0, ""},
    {"a piece in part: it is completed", 0, 2, "c"},
    {"a piece that was begun before it came here is completed", 1, 0, "bc"},
    {"a piece sent to its end: the next has not begun", 0, 3, ""},
    {"in the second piece: that one is completed", 0, 4, "ef"},
    {"the last byte is missing", 0, 8, "i"},
};

TEST(outbox, forgetting_keeps_only_the_piece_that_has_been_begun) {
    for (const forget_case& each : forgettings) {
        SCOPED_TRACE(each.name);
        outbox box;
        push(box, "abc", each.offset);
        push(box, "def");
        push(box, "ghi");
        kernel_script script{{{each.taken, 0}}};
        script.send(box);
        box.forget_unsent();
        EXPECT_EQ(box.bytes(), each.rest.empty() ? 0 : each.rest.size() + overhead);
        EXPECT_EQ(box.empty(), each.rest.empty());
        script.wire.clear();
        push(box, "!");
        EXPECT_EQ(script.send(box).error, 0);
        EXPECT_EQ(script.wire, std::string{each.rest} + "!");
        EXPECT_EQ(box.bytes(), 0u);
    }
}

TEST(outbox, forgetting_in_an_empty_outbox_is_nothing) {
    outbox box;
    box.forget_unsent();
    EXPECT_TRUE(box.empty());
}

// A peer that takes as much as comes but never quite all, always up to the middle of a piece.
TEST(outbox, a_queue_that_is_never_empty_does_not_grow) {
    outbox box;
    kernel_script script;
    const auto ten = frame("0123456789");
    ASSERT_EQ(box.push(ten, 0, no_limit), push_result::queued);
    std::int64_t warm = 0;
    for (int i = 0; i < 100'000; ++i) {
        ASSERT_EQ(box.push(ten, 0, no_limit), push_result::queued);
        script.steps.push_back({i == 0 ? 5u : 10u, 0});
        ASSERT_TRUE(script.send(box).would_block());
        script.wire.clear();
        if (i == 1000) warm = test::heap_use_now().live_bytes;
    }
    EXPECT_LT(test::heap_use_now().live_bytes, warm + 4096);
}

TEST(outbox, the_kernel_takes_what_fits_and_the_rest_when_there_is_room) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    outbox box;
    std::string expected;
    for (char letter = 'a'; letter <= 'z'; ++letter) {
        const std::string text(50'000, letter);
        expected += text;
        push(box, text);
    }
    std::string heard;
    for (bool done = false; !done;) {
        const io_result sent = box.send(kernel(), ends[0]);
        ASSERT_TRUE(sent.error == 0 || sent.would_block());
        done = sent.error == 0;
        char space[65536];
        for (ssize_t got; (got = ::read(ends[1], space, sizeof space)) > 0;)
            heard.append(space, static_cast<std::size_t>(got));
    }
    EXPECT_TRUE(heard == expected);
    push(box, "nobody listens");
    ::close(ends[1]);
    EXPECT_EQ(box.send(kernel(), ends[0]).error, EPIPE) << "and no signal";
    ::close(ends[0]);
}

// The same history for the outbox and for a list of strings.
TEST(outbox, random_histories_agree_with_strings) {
    struct waiting {
        std::string left;
        bool started;
    };
    std::mt19937 random{1};
    const auto below = [&](std::size_t end) { return random() % end; };
    outbox box;
    kernel_script script;
    std::deque<waiting> model;
    std::string expected;
    char next_letter = 'a';
    for (int i = 0; i < 50'000; ++i) {
        switch (below(20)) {
        case 0: // the connection is being closed
            box.forget_unsent();
            while (!model.empty() && !(model.size() == 1 && model.front().started)) model.pop_back();
            break;
        case 1:
        case 2:
        case 3:
        case 4:
        case 5:
        case 6: { // a kernel in some mood
            std::size_t takes = below(30) == 0 ? no_limit : below(120);
            script.steps.clear();
            script.steps.push_back(below(5) == 0 ? step{0, EAGAIN} : step{takes, 0});
            if (script.steps.front().error != 0) takes = 0;
            script.steps.push_back({0, EAGAIN});
            const std::string before = script.wire;
            script.send(box);
            script.steps.clear();
            std::size_t pieces = 0; // one call offers no more than 64
            while (takes > 0 && !model.empty() && pieces < 64) {
                waiting& first = model.front();
                const std::size_t part = std::min(takes, first.left.size());
                expected += first.left.substr(0, part);
                first.left.erase(0, part);
                first.started = true;
                takes -= part;
                if (first.left.empty()) {
                    model.pop_front();
                    ++pieces;
                }
            }
            break;
        }
        default: {
            const std::string text(1 + below(40), next_letter);
            next_letter = next_letter == 'z' ? 'a' : static_cast<char>(next_letter + 1);
            const std::size_t offset = model.empty() ? below(text.size()) : 0;
            std::size_t counted = text.size() - offset + overhead;
            for (const waiting& each : model) counted += each.left.size() + overhead;
            const std::size_t limit = 64 * 1024 / (1 + below(64));
            const auto outcome = box.push(frame(text), offset, limit);
            ASSERT_EQ(outcome == push_result::queued, counted <= limit);
            if (outcome == push_result::queued) model.push_back({text.substr(offset), offset > 0});
        }
        }
        std::size_t counted = 0;
        for (const waiting& each : model) counted += each.left.size() + overhead;
        ASSERT_EQ(box.bytes(), counted);
        ASSERT_EQ(box.empty(), model.empty());
        if (i % 1000 == 0) {
            ASSERT_EQ(script.wire, expected);
            script.wire.clear();
            expected.clear();
        }
    }
    for (const waiting& each : model) expected += each.left;
    EXPECT_EQ(script.send(box).error, 0);
    EXPECT_EQ(script.wire, expected);
    EXPECT_EQ(box.bytes(), 0u);
}

} // namespace
} // namespace carillon::net
