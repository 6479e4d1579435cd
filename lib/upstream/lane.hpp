#pragma once

#include "resp/reply.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::upstream {

/// A command whose answer is awaited.
struct awaited {
    enum class kind : std::uint8_t {
        hello,
        greeting,     ///< one of the questions to a server without RESP3, whose answer says nothing
        login,        ///< AUTH
        other_login,  ///< AUTH on a connection that has been greeted
        server,       ///< INFO server
        last_of_them, ///< the last of these questions
        ping,
        role,
        publish,
        call,    ///< of a script; `publication` is its number
        script,  ///< SCRIPT LOAD
        library, ///< FUNCTION LOAD
        subscribe,
        unsubscribe,
    };
    kind what{};
    std::uint64_t publication = 0;                ///< of publish and call
    std::size_t left = 1;                         ///< confirmations of (un)subscribe
    bool of_patterns = false;                     ///< (un)subscribe: PSUBSCRIBE, PUNSUBSCRIBE
    std::vector<std::string> names{};             ///< of subscribe; the last `left` of them are not confirmed yet
    std::chrono::steady_clock::time_point sent{}; ///< by lane::awake()
};

/// The books of one connection to a server: what is to be written, what has come, which answers are awaited in the
/// order in which they will come, and since when. Pure.
class lane {
public:
    using clock = std::chrono::steady_clock;

    explicit lane(resp::reply_limits limits) : parser{limits} {}

    /// A command, and what is awaited for it.
    void send(std::initializer_list<std::string_view> words, awaited answer, clock::time_point now);
    void send(std::span<const std::string_view> words, awaited answer, clock::time_point now);
    /// Bytes to write; on_written() says how many of them have been.
    std::string_view output() const noexcept { return std::string_view{output_}.substr(written_); }
    void on_written(std::size_t count);

    /// Whether the driver leaves bytes unread: then its clock stands, because an answer may be among them.
    void on_hold(bool held, clock::time_point now) noexcept;
    bool held() const noexcept { return held_since_.has_value(); }
    /// An answer has come, or a part of something large, behind which answers stand.
    void answered(clock::time_point now) noexcept { last_answer_ = awake(now); }

    /// Asks whether the server is there, or what it is: a question whose answer shows it.
    void probe(std::initializer_list<std::string_view> words, awaited::kind what, clock::time_point now);
    /// The next question is due an interval after now.
    void probed(clock::time_point now) noexcept { probed_at_ = awake(now); }
    void probe_answered() noexcept { probing_ = false; }
    bool probing() const noexcept { return probing_; }

    bool late(std::chrono::milliseconds reply_timeout, clock::time_point now) const noexcept;
    bool probe_due(std::chrono::milliseconds interval, clock::time_point now) const noexcept;
    /// When one of the two will be so at the earliest.
    clock::time_point wake_at(std::chrono::milliseconds reply_timeout,
                              std::chrono::milliseconds interval) const noexcept;

    /// The connection is no more. What was awaited is given back.
    std::deque<awaited> reset();

    std::deque<awaited> expected;
    std::string input;
    resp::reply_parser parser;

private:
    clock::time_point awake(clock::time_point now) const noexcept { return held_since_.value_or(now) - held_; }
    clock::time_point reply_deadline(std::chrono::milliseconds reply_timeout) const noexcept;

    std::string output_;
    std::size_t written_ = 0;
    // Of the time that the driver reads. A message proves one direction only; an answer proves both.
    clock::time_point last_answer_{};
    clock::duration held_{}; // for how long the driver has not read, before held_since_
    std::optional<clock::time_point> held_since_;
    clock::time_point probed_at_{}; // by awake()
    bool probing_ = false;          // the answer is awaited
};

} // namespace carillon::upstream
