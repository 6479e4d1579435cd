#include "base/name_hash.hpp"

#include "base/check.hpp"

#include <array>
#include <cstring>
#include <sodium.h>

namespace carillon {

namespace {

struct random_key {
    random_key() {
        CHECK(sodium_init() >= 0);
        crypto_shorthash_keygen(bytes.data());
    }
    std::array<unsigned char, crypto_shorthash_KEYBYTES> bytes{};
};

} // namespace

std::size_t name_hash(std::string_view name) noexcept {
    static const random_key key;
    std::array<unsigned char, crypto_shorthash_BYTES> out;
    crypto_shorthash(out.data(), reinterpret_cast<const unsigned char*>(name.data()), name.size(), key.bytes.data());
    std::size_t hash = 0;
    static_assert(sizeof hash == sizeof out);
    std::memcpy(&hash, out.data(), sizeof hash);
    return hash;
}

} // namespace carillon
