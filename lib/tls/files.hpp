#pragma once

#include "keys/openssl.hpp"
#include "tls/openssl.hpp"

#include <optional>
#include <string>

/// PEM files into a context of OpenSSL. What is wrong is one line, with the file's name and without a byte of a key.
namespace carillon::tls {

std::optional<std::string> read_file(const std::string& path, keys::wiped& into);

/// A certificate, and behind it those that vouch for it. `own` is the first.
std::optional<std::string> use_certificates(SSL_CTX* context, const std::string& path, const keys::wiped& text,
                                            owned_certificate& own);

/// The key of the `certificate` that is there already.
std::optional<std::string> use_key(SSL_CTX* context, const std::string& path, const keys::wiped& text,
                                   const std::string& certificate);

/// Certificates that vouch for those of peers; with `named`, peers are told that these do.
std::optional<std::string> believe(SSL_CTX* context, const std::string& path, bool named);

} // namespace carillon::tls
