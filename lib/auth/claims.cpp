#include "auth/claims.hpp"

namespace carillon::auth {
namespace {

// With what the allocator adds, and as if no text were short enough to lie inside.
constexpr std::size_t block_bytes = 16;

std::size_t bytes_of(const std::string& text) noexcept { return text.capacity() + block_bytes; }

std::size_t bytes_of(const std::optional<payload>& what) noexcept { return what ? bytes_of(what->bytes) : 0; }

std::size_t bytes_of(const common_claims& claims) noexcept { return bytes_of(claims.user) + bytes_of(claims.info); }

} // namespace

std::size_t memory_bytes(const connection_claims& claims) noexcept {
    std::size_t bytes = sizeof claims + 2 * block_bytes + bytes_of(claims) + bytes_of(claims.meta);
    bytes += claims.subscriptions.capacity() * sizeof(granted_subscription);
    for (const granted_subscription& each : claims.subscriptions) {
        bytes += bytes_of(each.channel) + bytes_of(each.info) + bytes_of(each.data);
    }
    return bytes;
}

std::size_t memory_bytes(const subscription_claims& claims) noexcept {
    return sizeof claims + block_bytes + bytes_of(claims) + bytes_of(claims.channel) + bytes_of(claims.client) +
           bytes_of(claims.data);
}

} // namespace carillon::auth
