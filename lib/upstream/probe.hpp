#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace carillon::upstream {

/// Whether what is published at a server comes back over the subscriptions that messages come over: now and then a
/// number is published there, and is to be heard in time. A connection on which commands are answered and messages do
/// not come is as good as none, and nothing else shows it. Pure; time is given.
class probe {
public:
    using clock = std::chrono::steady_clock;

    struct limits {
        std::chrono::milliseconds interval{5'000}; ///< between two of them
        std::chrono::milliseconds patience{2'000}; ///< in which one is to come back
    };

    explicit probe(const limits& how) noexcept : limits_{how} {}

    /// What is published can be heard from here on.
    void on_subscribed(clock::time_point now) noexcept {
        is_heard_ = true;
        next_ = now;
    }
    /// No more, or the server does not let us publish it: nothing is due until the next on_subscribed.
    void on_away() noexcept {
        is_heard_ = false;
        sent_at_.reset();
    }

    /// It could not be sent: the next one is due in its time.
    void on_unsent() noexcept { sent_at_.reset(); }

    /// What is to be published now, if it is time; each is another one.
    std::optional<std::uint64_t> due(clock::time_point now) noexcept;
    void on_heard(std::uint64_t number, clock::time_point now) noexcept;
    /// The server's bytes are not read just now: it may be among them, and has its whole time afterwards.
    void on_hold(clock::time_point now) noexcept {
        if (sent_at_) patient_from_ = now;
    }
    /// The last one should have come.
    bool overdue(clock::time_point now) const noexcept { return sent_at_ && now >= patient_from_ + limits_.patience; }

    /// When due() or overdue() may say something else; max: no time.
    clock::time_point wake_at() const noexcept;
    /// How long the last one took that has come.
    std::chrono::microseconds took() const noexcept { return took_; }
    std::chrono::milliseconds patience() const noexcept { return limits_.patience; }

private:
    limits limits_;
    bool is_heard_ = false;
    std::uint64_t last_ = 0;
    clock::time_point next_{};
    std::optional<clock::time_point> sent_at_{}; // the last one, which is under way
    clock::time_point patient_from_{};
    std::chrono::microseconds took_{};
};

} // namespace carillon::upstream
