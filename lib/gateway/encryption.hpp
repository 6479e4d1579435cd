#pragma once

#include "config/settings.hpp"
#include "tls/certificates.hpp"

#include <memory>
#include <optional>
#include <string>

namespace carillon::gateway {

/// TLS on the client port: the certificates of the moment, and the keys of session tickets, which outlive them. Any
/// thread, but one `reload` at a time.
class encryption {
public:
    /// Null: no certificates are asked for. Throws boost::system::system_error with a sentence if they cannot be used.
    static std::unique_ptr<encryption> of(const config::settings& how);
    /// What is wrong with the files that the settings name: one line.
    static std::optional<std::string> complaint_of(const config::settings& how);

    encryption(const encryption&) = delete;
    encryption& operator=(const encryption&) = delete;

    /// Reads the files again, or others, and uses them for connections that come from now on; nobody who is there hears
    /// of it. If something is wrong with them, all stays as it is, and the complaint says what. Says in the log what
    /// is odd about them.
    std::optional<std::string> reload(const config::settings& how);

    tls::entrance& entrance() noexcept { return entrance_; }

private:
    encryption() : entrance_{nullptr} {}

    tls::ticket_keys tickets_;
    tls::entrance entrance_;
};

} // namespace carillon::gateway
