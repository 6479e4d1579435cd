#pragma once

#include "tls/openssl.hpp"
#include "tls/trust_terms.hpp"

#include <memory>
#include <optional>
#include <string>

namespace carillon::tls {

/// What connections to servers are begun with, read and ready to be used. Constant.
class trust {
public:
    /// Reads all files. The complaint is one line, with the option's and the file's name and without a byte of a key.
    static std::optional<std::string> read(const trust_terms& how, std::shared_ptr<const trust>& into);

    trust(const trust&) = delete;
    trust& operator=(const trust&) = delete;

    /// The state of one connection to `host`, a name or an address, for which the server's certificate must be. Null if
    /// there is no memory. It may outlive this object.
    owned_ssl connect(const std::string& host) const;
    /// The same, for who makes the connection's state itself.
    SSL_CTX* context() const noexcept { return context_.get(); }

private:
    trust() = default;

    owned_context context_;
};

} // namespace carillon::tls
