#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace carillon::control {

/// Who has logged in to the admin page: a password against a cookie, which is good for a while. Bounded: with one more
/// session the oldest ends, and passwords are looked at a few at a time. Thread: the control plane's.
class admin_sessions {
public:
    using clock = std::chrono::steady_clock;

    static constexpr std::size_t sessions_max = 32;
    static constexpr std::uint32_t attempts_max = 5;        ///< in a row
    static constexpr std::chrono::seconds attempt_every{2}; ///< after those, one

    enum class verdict : std::uint8_t { welcome, wrong, too_many };

    /// `password` is not empty.
    admin_sessions(std::string_view password, std::chrono::seconds lifetime);

    /// With `welcome`, `cookie` is what the browser is to show from now on. Takes the same time for every password of
    /// this length.
    verdict log_in(std::string_view password, clock::time_point now, std::string& cookie);
    void log_out(std::string_view cookie);
    bool knows(std::string_view cookie, clock::time_point now) const;

    std::chrono::seconds lifetime() const noexcept { return lifetime_; }
    std::size_t size() const noexcept { return open_.size(); }

private:
    using digest = std::array<unsigned char, 32>;
    struct session {
        digest cookie; // nobody who reads this memory can show it
        clock::time_point until;
    };

    digest digest_of(std::string_view text) const;
    bool takes_attempt(clock::time_point now);

    digest secret_{};
    digest password_;
    std::chrono::seconds lifetime_;
    std::deque<session> open_; // the oldest first
    std::uint32_t attempts_ = attempts_max;
    clock::time_point counted_{};
};

} // namespace carillon::control
