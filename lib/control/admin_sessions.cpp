#include "control/admin_sessions.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <sodium.h>

namespace carillon::control {

namespace {

constexpr std::size_t cookie_bytes = 32;

} // namespace

admin_sessions::admin_sessions(std::string_view password, std::chrono::seconds lifetime) : lifetime_{lifetime} {
    CHECK(sodium_init() >= 0 && !password.empty());
    randombytes_buf(secret_.data(), secret_.size());
    password_ = digest_of(password);
}

// Of one length whatever the text's, and what two have in common says nothing of the texts.
admin_sessions::digest admin_sessions::digest_of(std::string_view text) const {
    digest made;
    crypto_generichash(made.data(), made.size(), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                       secret_.data(), secret_.size());
    return made;
}

// A bucket of attempts that fills up again.
bool admin_sessions::takes_attempt(clock::time_point now) {
    const auto passed = static_cast<std::uint64_t>(std::max<clock::rep>(0, (now - counted_) / attempt_every));
    if (passed > 0) {
        attempts_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(attempts_max, attempts_ + passed));
        counted_ = now;
    }
    if (attempts_ == 0) return false;
    --attempts_;
    return true;
}

admin_sessions::verdict admin_sessions::log_in(std::string_view password, clock::time_point now, std::string& cookie) {
    if (!takes_attempt(now)) return verdict::too_many;
    const digest given = digest_of(password);
    if (sodium_memcmp(given.data(), password_.data(), given.size()) != 0) return verdict::wrong;
    attempts_ = std::min(attempts_max, attempts_ + 1); // one that was right costs none
    std::array<unsigned char, cookie_bytes> random;
    randombytes_buf(random.data(), random.size());
    std::array<char, 2 * cookie_bytes + 1> hex;
    sodium_bin2hex(hex.data(), hex.size(), random.data(), random.size());
    cookie.assign(hex.data(), 2 * cookie_bytes);
    std::erase_if(open_, [now](const session& each) { return each.until <= now; });
    if (open_.size() == sessions_max) open_.pop_front();
    open_.push_back({digest_of(cookie), now + lifetime_});
    return verdict::welcome;
}

void admin_sessions::log_out(std::string_view cookie) {
    const digest given = digest_of(cookie);
    std::erase_if(open_, [&given](const session& each) {
        return sodium_memcmp(each.cookie.data(), given.data(), given.size()) == 0;
    });
}

bool admin_sessions::knows(std::string_view cookie, clock::time_point now) const {
    const digest given = digest_of(cookie);
    bool found = false;
    for (const session& each : open_)
        found |= sodium_memcmp(each.cookie.data(), given.data(), given.size()) == 0 && now < each.until;
    return found;
}

} // namespace carillon::control
