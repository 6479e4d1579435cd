#pragma once

#include <string>

namespace carillon::tls {

/// What makes a server believed, and what it is shown: paths of PEM files.
struct trust_terms {
    std::string ca_file{};          ///< certificates that vouch for the server's; empty: those of the system
    std::string certificate_file{}; ///< what the server is shown, and behind it those that vouch for it; empty: nothing
    std::string key_file{};         ///< the private key of that, without a passphrase
    /// Before the names of these files in complaints: the options that gave them are "bus_tls_ca_file" and so on.
    std::string options{};
    bool anybody = false; ///< the server need not prove who it is: it is told nothing that others may not hear
};

} // namespace carillon::tls
