#pragma once

#include "config/program.hpp"
#include "config/settings.hpp"
#include "tls/certificates.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace carillon::gateway {

/// TLS on the program's ports: the certificates of the moment, and the keys of session tickets, which outlive them. The
/// certificates are the same on each port; who vouches for those of clients is each port's own. Any thread, but one
/// `reload` at a time.
class encryption {
public:
    enum class port : std::uint8_t { client, control, bus };
    static constexpr std::array<port, 3> ports{port::client, port::control, port::bus};

    /// Null: no certificates are asked for. Throws boost::system::system_error with a sentence if they cannot be used.
    static std::unique_ptr<encryption> of(config::program which, const config::settings& how);
    /// What is wrong with the options, or with the files that they name: one line.
    static std::optional<std::string> complaint_of(config::program which, const config::settings& how);
    /// Whether TLS is spoken there. Of settings that nothing is wrong with.
    static bool is_spoken(config::program which, const config::settings& how, port at);

    encryption(const encryption&) = delete;
    encryption& operator=(const encryption&) = delete;

    /// Reads the files again, or others, and uses them for connections that come from now on; nobody who is there hears
    /// of it. If something is wrong with them, all stays as it is, and the complaint says what. Says in the log what
    /// is odd about them.
    std::optional<std::string> reload(const config::settings& how);

    /// Null: no TLS is spoken there.
    tls::entrance* entrance(port at) noexcept { return entrances_[static_cast<std::size_t>(at)].get(); }

private:
    explicit encryption(config::program which) : which_{which} {}

    config::program which_;
    tls::ticket_keys tickets_;
    std::array<std::unique_ptr<tls::entrance>, ports.size()> entrances_;
};

} // namespace carillon::gateway
