#pragma once

#include "keys/openssl.hpp"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/// Owners of what OpenSSL has allocated for TLS.
namespace carillon::tls {

using owned_context = keys::owned<SSL_CTX, SSL_CTX_free>;
using owned_ssl = keys::owned<SSL, SSL_free>;
using owned_certificate = keys::owned<X509, X509_free>;
using owned_bio = keys::owned<BIO, BIO_free>;

} // namespace carillon::tls
