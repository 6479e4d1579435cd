#include "keys/base64.hpp"

#include <algorithm>
#include <cstddef>
#include <sodium.h>

namespace carillon::keys {
namespace {

// libsodium's decoder is strict and takes the same time for all letters, which matters for private keys. But it takes
// some bytes beyond ASCII for letters (1.0.18), which would be a second form of the same bytes.
std::optional<std::string> decoded(std::string_view text, int variant, const char* ignored = nullptr) {
    if (std::ranges::any_of(text, [](char letter) { return static_cast<unsigned char>(letter) > 0x7f; })) {
        return std::nullopt;
    }
    std::string bytes(text.size() / 4 * 3 + 3, '\0');
    std::size_t size = 0;
    if (sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(), text.size(),
                          ignored, &size, nullptr, variant) != 0) {
        return std::nullopt;
    }
    bytes.resize(size);
    return bytes;
}

} // namespace

std::optional<std::string> from_base64url(std::string_view text) {
    return decoded(text, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

std::optional<std::string> from_base64(std::string_view text) {
    return decoded(text, sodium_base64_VARIANT_ORIGINAL, "\r\n");
}

namespace {
std::string encoded(std::string_view bytes, int variant) {
    std::string text(sodium_base64_encoded_len(bytes.size(), variant), '\0'); // with room for a zero byte
    sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                      variant);
    text.resize(text.find('\0'));
    return text;
}
} // namespace

std::string to_base64url(std::string_view bytes) { return encoded(bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING); }

std::string to_base64(std::string_view bytes) { return encoded(bytes, sodium_base64_VARIANT_ORIGINAL); }

} // namespace carillon::keys
