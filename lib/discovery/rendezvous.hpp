#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::discovery {

/// Which of several servers that know nothing of each other has a channel: the one with the largest SHA-256 of
/// "SERVER CHANNEL", compared byte for byte (highest random weight: Thaler and Ravishankar, 1998). So every gateway and
/// every program that is given the same names comes to the same, in whatever order they stand; and a server that is
/// added or taken away moves the channels that it gets or had, and no others. Pure.
class rendezvous {
public:
    /// As everybody writes them. There is one at least.
    explicit rendezvous(const std::vector<std::string>& servers);

    /// Its place in the list.
    std::size_t home_of(std::string_view channel) const noexcept;

private:
    std::vector<std::string> beginnings_; // of what is hashed
};

/// The channel of whose keys this is one: what stands in its braces, the first and the last of them. A key without
/// braces is its own.
std::string_view channel_of(std::string_view key) noexcept;

} // namespace carillon::discovery
