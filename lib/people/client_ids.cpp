#include "people/client_ids.hpp"

#include "base/check.hpp"

#include <boost/endian/conversion.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <charconv>
#include <sodium.h>

namespace carillon::people {

namespace {

// A UUID's halves around its version and its variant: 60 bits and 62 are free.
constexpr unsigned tag_bits = 58;
constexpr std::uint64_t tag_mask = (std::uint64_t{1} << tag_bits) - 1;
constexpr std::uint64_t low_mask = (std::uint64_t{1} << 62) - 1;

constexpr std::size_t shard_digits = 4;
constexpr std::size_t session_digits = shard_digits + 3 * 16;

// Of hexadecimal digits, all of them.
std::optional<std::uint64_t> number_of(std::string_view digits) noexcept {
    std::uint64_t number = 0;
    const auto [end, why] = std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
    if (why != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    return number;
}

int digit_of(char letter) noexcept {
    if (letter >= '0' && letter <= '9') return letter - '0';
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

} // namespace

client_ids::client_ids() {
    // Without randomness there are no identities; OpenSSL fails here only when the system is broken.
    CHECK(RAND_bytes(of_places_.data(), static_cast<int>(of_places_.size())) == 1);
    CHECK(RAND_bytes(of_tags_.data(), static_cast<int>(of_tags_.size())) == 1);
    for (key& each : of_sessions_) CHECK(RAND_bytes(each.data(), static_cast<int>(each.size())) == 1);
}

std::uint64_t client_ids::hash(const key& with, std::uint64_t what) noexcept {
    static_assert(crypto_shorthash_KEYBYTES == std::tuple_size_v<key> && crypto_shorthash_BYTES == 8);
    std::array<unsigned char, 8> bytes, made;
    boost::endian::store_little_u64(bytes.data(), what);
    crypto_shorthash(made.data(), bytes.data(), bytes.size(), with.data());
    return boost::endian::load_little_u64(made.data());
}

void client_ids::inherit(net::connection_key place, const boost::uuids::uuid& id) {
    inherited_.insert_or_assign(place.packed(), id);
    inheritors_.insert_or_assign(id, place.packed());
}

void client_ids::forget(net::connection_key place) noexcept {
    const auto found = inherited_.find(place.packed());
    if (found == inherited_.end()) return;
    inheritors_.erase(found->second);
    inherited_.erase(found);
}

boost::uuids::uuid client_ids::id_of(net::connection_key place) const noexcept {
    if (inherited_.empty()) return own_id_of(place);
    const auto found = inherited_.find(place.packed());
    return found == inherited_.end() ? own_id_of(place) : found->second;
}

boost::uuids::uuid client_ids::own_id_of(net::connection_key place) const noexcept {
    const std::uint64_t tag = hash(of_places_, place.packed()) & tag_mask;
    const std::uint64_t hidden = place.packed() ^ hash(of_tags_, tag);
    const std::uint64_t high = hidden >> 62 << tag_bits | tag; // 60 bits
    boost::uuids::uuid id;
    boost::endian::store_big_u64(id.begin(), (high >> 12 << 16) | 0x8000 | (high & 0xfff));
    boost::endian::store_big_u64(id.begin() + 8, std::uint64_t{2} << 62 | (hidden & low_mask));
    return id;
}

std::optional<net::connection_key> client_ids::place_of(const boost::uuids::uuid& id) const noexcept {
    if (const auto heir = inheritors_.find(id); heir != inheritors_.end())
        return net::connection_key::unpacked(heir->second);
    const std::uint64_t first = boost::endian::load_big_u64(id.begin());
    const std::uint64_t second = boost::endian::load_big_u64(id.begin() + 8);
    const std::uint64_t high = (first >> 16 << 12) | (first & 0xfff);
    const std::uint64_t tag = high & tag_mask;
    const std::uint64_t place = (high >> tag_bits << 62 | (second & low_mask)) ^ hash(of_tags_, tag);
    const auto found = net::connection_key::unpacked(place);
    // All 128 bits, so that no two texts name the same client.
    if (id_of(found) != id) return std::nullopt;
    return found;
}

std::optional<net::connection_key> client_ids::place_of(std::string_view id) const noexcept {
    const auto read = uuid_of(id);
    return read ? place_of(*read) : std::nullopt;
}

std::string client_ids::session_of(std::uint32_t shard, net::connection_key place) const {
    return fmt::format("{:04x}{:016x}{:016x}{:016x}", shard, place.packed(), hash(of_sessions_[0], place.packed()),
                       hash(of_sessions_[1], place.packed()));
}

std::optional<std::uint32_t> client_ids::shard_of_session(std::string_view session) noexcept {
    if (session.size() != session_digits) return std::nullopt;
    return static_cast<std::uint32_t>(number_of(session.substr(0, shard_digits)).value_or(0));
}

std::optional<net::connection_key> client_ids::place_of_session(std::string_view session) const {
    const auto shard = shard_of_session(session);
    const auto place = shard ? number_of(session.substr(shard_digits, 16)) : std::nullopt;
    if (!place) return std::nullopt;
    const auto found = net::connection_key::unpacked(*place);
    const std::string right = session_of(*shard, found);
    if (sodium_memcmp(right.data(), session.data(), right.size()) != 0) return std::nullopt;
    return found;
}

uuid_text::uuid_text(const boost::uuids::uuid& id) noexcept {
    CHECK(boost::uuids::to_chars(id, characters.data(), characters.data() + characters.size()));
}

std::optional<boost::uuids::uuid> uuid_of(std::string_view text) noexcept {
    if (text.size() != uuid_text::size) return std::nullopt;
    boost::uuids::uuid id;
    std::size_t at = 0;
    for (std::uint8_t& byte : id) {
        if (at == 8 || at == 13 || at == 18 || at == 23) {
            if (text[at++] != '-') return std::nullopt;
        }
        const int high = digit_of(text[at]), low = digit_of(text[at + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        byte = static_cast<std::uint8_t>(high << 4 | low);
        at += 2;
    }
    return id;
}

} // namespace carillon::people
