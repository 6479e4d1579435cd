#include "discovery/rendezvous.hpp"

#include "base/check.hpp"

#include <array>
#include <sodium.h>

namespace carillon::discovery {

namespace {

using weight = std::array<unsigned char, crypto_hash_sha256_BYTES>;

weight weight_of(std::string_view beginning, std::string_view channel) noexcept {
    crypto_hash_sha256_state state;
    weight made{};
    crypto_hash_sha256_init(&state);
    for (const std::string_view part : {beginning, channel})
        crypto_hash_sha256_update(&state, reinterpret_cast<const unsigned char*>(part.data()), part.size());
    crypto_hash_sha256_final(&state, made.data());
    return made;
}

} // namespace

rendezvous::rendezvous(const std::vector<std::string>& servers) {
    CHECK(!servers.empty());
    for (const std::string& each : servers) beginnings_.push_back(each + ' ');
}

std::size_t rendezvous::home_of(std::string_view channel) const noexcept {
    std::size_t home = 0;
    weight largest = weight_of(beginnings_.front(), channel);
    for (std::size_t i = 1; i < beginnings_.size(); ++i) {
        const weight its = weight_of(beginnings_[i], channel);
        if (its <= largest) continue;
        largest = its;
        home = i;
    }
    return home;
}

std::string_view channel_of(std::string_view key) noexcept {
    const std::size_t open = key.find('{');
    const std::size_t close = key.rfind('}');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open) return key;
    return key.substr(open + 1, close - open - 1);
}

} // namespace carillon::discovery
