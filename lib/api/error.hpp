#pragma once

#include <cstdint>
#include <string_view>

namespace carillon::api {

/// Why a command of the server API has failed (protocol §8). The numbers are on the wire.
enum class error : std::uint32_t {
    internal = 100,
    unknown_channel = 102,
    not_found = 104,
    bad_request = 107,
    not_available = 108,
    unrecoverable_position = 112,
    conflict = 113,
};

/// The failure with this number; one that is not known, as of another version, is an internal error.
error error_of(std::uint64_t number) noexcept;
/// The words that go with it.
std::string_view message_of(error code) noexcept;
/// The HTTP status that says the same, for who asks for transport errors (protocol §8).
unsigned status_of(error code) noexcept;

} // namespace carillon::api
